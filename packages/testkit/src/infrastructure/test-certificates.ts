import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.ts'

/** Files in PEM: an authority, and two that it signed: a server of this machine, and a client. */
export interface TestCertificates {
  readonly caFile: string
  readonly server: { readonly certificateFile: string; readonly keyFile: string; readonly bothFile: string }
  readonly client: { readonly certificateFile: string; readonly keyFile: string }
}

/** Makes an authority and what it signs, good for a day; the client's common name is the one given. Needs openssl. */
export async function makeTestCertificates(directory: string, clientName: string): Promise<TestCertificates> {
  await mkdir(directory, { recursive: true })
  const at = (name: string): string => join(directory, name)
  const openssl = async (...args: readonly string[]): Promise<void> => void (await command('openssl', args, {}))
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const signer = ['-subj', '/CN=tests', '-addext', 'basicConstraints=critical,CA:TRUE']
  await openssl('req', '-x509', ...key, '-days', '1', ...signer, '-keyout', at('ca.key'), '-out', at('ca.crt'))
  const signed = async (name: string, subject: string, names: string): Promise<void> => {
    await openssl('req', ...key, '-subj', `/CN=${subject}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`))
    await writeFile(at(`${name}.ext`), `subjectAltName=${names}\n`)
    const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1']
    const files = ['-in', at(`${name}.csr`), '-out', at(`${name}.crt`), '-extfile', at(`${name}.ext`)]
    await openssl('x509', '-req', ...ca, ...files)
  }
  await signed('server', 'localhost', 'DNS:localhost,IP:127.0.0.1')
  await signed('client', clientName, `DNS:${clientName}`)
  const both = [await readFile(at('server.key'), 'utf8'), await readFile(at('server.crt'), 'utf8')]
  await writeFile(at('server.pem'), both.join(''))
  return {
    caFile: at('ca.crt'),
    server: { certificateFile: at('server.crt'), keyFile: at('server.key'), bothFile: at('server.pem') },
    client: { certificateFile: at('client.crt'), keyFile: at('client.key') },
  }
}
