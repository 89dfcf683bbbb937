import { defineModule } from '@starling/core'

/** Says that forms are spoken where a protocol asks for them (see shared/data-form.ts). Source: XEP-0004 §3. */
export const dataForms = defineModule({
  spec: { id: 'XEP-0004', name: 'Data Forms', version: '2.13.2', status: 'complete' },
  name: 'dataForms',
})
