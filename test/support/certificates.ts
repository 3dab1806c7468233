/** Authorities and certificates for tests, made when they run and gone with them. Node can check certificates, but not sign any: openssl does. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const opensslAvailable = spawnSync('openssl', ['version']).status === 0
if (!opensslAvailable) {
  const missing = 'no openssl found: apt-get install openssl'
  if (process.env.CI === 'true') throw new Error(missing)
  console.warn(missing)
}

/** Files (PEM). */
export interface Certificate {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

export interface Authority {
  readonly ca: string
  /** A certificate for these names, such as `DNS:localhost,IP:127.0.0.1`. */
  certify(names: string, days?: number): Certificate
  remove(): void
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-ca-'))
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Tickcast test authority')
  const ca = join(folder, 'ca.pem')
  let count = 0
  return {
    ca,
    certify: (names, days = 1) => {
      count += 1
      const name = `server-${count}`
      openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=Tickcast test server')
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`)
      const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days), '-extfile', `${name}.ext`]
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed)
      return { ca, certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
