import type { Result } from '@starling/jid'
import { ns, type StanzaError } from '@starling/stanza'
import { type Element, xml } from '@starling/xml'
import { errorOf } from './answers.ts'

/** Type of a form's field. Source: XEP-0004 §3.3. */
export type FieldType = 'boolean' | 'hidden' | 'jid-single' | 'jid-multi' | 'list-multi' | 'list-single' | 'text-single'

/** A field to be filled in. */
export type Field = {
  readonly name: string
  readonly type: FieldType
  readonly values?: readonly string[]
  /** Further children, for example a XEP-0122 `<validate/>`. */
  readonly more?: readonly Element[]
}

/** What was submitted: the form's type by XEP-0068, and the values of each field but FORM_TYPE. */
export type Submission = { readonly formType: string; readonly fields: ReadonlyMap<string, readonly string[]> }

/** Makes an empty form. Source: XEP-0004 §3.2; XEP-0068 §3. */
export function formElement(formType: string, fields: readonly Field[]): Element {
  const hidden: Field = { name: 'FORM_TYPE', type: 'hidden', values: [formType] }
  return xml('x', { xmlns: ns.data, type: 'form' }, ...[hidden, ...fields].map(fieldElement))
}

function fieldElement(field: Field): Element {
  const values = (field.values ?? []).map((value) => xml('value', {}, value))
  return xml('field', { type: field.type, var: field.name }, ...values, ...(field.more ?? []))
}

/**
 * Reads a submitted form.
 * Source: XEP-0004 §3.1, §3.2.
 * Errors: bad-request for another type of form, a field without a name, or one that stands there twice.
 */
export function readSubmission(x: Element): Result<Submission, StanzaError> {
  if (x.attrs['type'] !== 'submit') return badForm('the form is not of type submit')
  const fields = new Map<string, readonly string[]>()
  for (const field of x.getChildren('field', ns.data)) {
    const name = field.attrs['var']
    if (name === undefined) {
      if (field.attrs['type'] === 'fixed') continue // XEP-0004 §3.2: only `fixed` goes without
      return badForm('a field has no name')
    }
    if (fields.has(name)) return badForm(`field ${name} stands there twice`)
    fields.set(
      name,
      field.getChildren('value', ns.data).map((value) => value.getText()),
    )
  }
  const formType = fields.get('FORM_TYPE')?.[0] ?? ''
  fields.delete('FORM_TYPE')
  return { ok: true, value: { formType, fields } }
}

/** The value of a field that has at most one; undefined when the field is left out or empty. */
export function singleValue(values: readonly string[]): Result<string | undefined, StanzaError> {
  if (values.length > 1) return badForm('a field has more than one value') // XEP-0004 §3.2
  const [value] = values
  return { ok: true, value: value === '' ? undefined : value }
}

function badForm(text: string): { readonly ok: false; readonly error: StanzaError } {
  return { ok: false, error: errorOf('bad-request', text) }
}
