import { defineModule } from '@starling/core'
import { ns } from '@starling/stanza'
import { xml } from '@starling/xml'
import { result } from './shared/answers.ts'
import { textOption } from './shared/options.ts'

/** Tells name and version of the server. Source: XEP-0092 §2. */
export const softwareVersion = defineModule({
  spec: { id: 'XEP-0092', name: 'Software Version', version: '1.1', status: 'complete' },
  name: 'softwareVersion',
  features: [ns.version],
  options: {
    os: { type: 'text', default: '', doc: 'Operating system told to whoever asks; empty tells nothing.' },
  },
  iq: {
    'get domain {jabber:iq:version}query': (_payload, context) => {
      const { name, version } = context.support.software
      const os = textOption(context, 'XEP-0092', 'os')
      return result(
        xml(
          'query',
          { xmlns: ns.version },
          xml('name', {}, name),
          xml('version', {}, version),
          ...(os === '' ? [] : [xml('os', {}, os)]), // XEP-0092 §2: optional
        ),
      )
    },
  },
})
