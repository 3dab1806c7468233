import type { RedisTarget } from './redis-url.ts'

/** The error of a connection that was not yet ready: one that is hung up on then was perhaps made without the TLS the server wants. */
export const atOnce = (error: unknown, { isTls }: Pick<RedisTarget, 'isTls'>): unknown =>
  !isTls && error instanceof Error && /^Connection is closed|ECONNRESET/.test(error.message) ? new Error('Closed at once') : error

const reasons: readonly (readonly [RegExp, (place: string) => string])[] = [
  [
    /WRONGPASS|invalid (username-)?password/,
    place => `Redis at ${place} does not accept the user name or password in REDIS_URL (WRONGPASS)`,
  ],
  [/NOAUTH/, place => `Redis at ${place} asks for a password and REDIS_URL has none (NOAUTH)`],
  [/ECONNREFUSED/, place => `nothing listens at ${place} (connection refused)`],
  [/^No sentinel watches/, place => `the sentinels do not know ${place}`],
  [/ENOTFOUND|EAI_AGAIN/, place => `the host name of ${place} is not known`],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED|DEPTH_ZERO/,
    place =>
      `the certificate of Redis at ${place} is signed by an authority that is not trusted here: name its CA file in TICKCAST_REDIS_CA or NODE_EXTRA_CA_CERTS`,
  ],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, place => `the certificate of Redis at ${place} is for another host name than the one in REDIS_URL`],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, place => `the certificate of Redis at ${place} is expired or not yet valid`],
  [
    /^Mute in TLS|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)|EPROTO/,
    place => `Redis at ${place} does not answer in TLS: is it frozen, or is this not its TLS port (redis:// is without TLS)?`,
  ],
  [
    /ERR_SSL|ERR_TLS/,
    place => `Redis at ${place} refuses our TLS connection: it may demand a client certificate, which Tickcast has none of`,
  ],
  [/^Closed at once/, place => `Redis at ${place} closed the connection at once: does it speak TLS only (rediss://)?`],
  [/timed? ?out/i, place => `Redis at ${place} did not answer in time`],
  [/Connection is closed|ECONNRESET|EPIPE|isn't writeable|socket disconnected/, place => `the connection to Redis at ${place} is closed`],
  [/^READONLY|^Read-only replica/, place => `Redis at ${place} is a read-only replica (READONLY)`],
  [/^NOREPLICAS/, place => `Redis at ${place} has too few replicas to accept writes (NOREPLICAS)`],
  [/^OOM/, place => `Redis at ${place} is out of memory (OOM)`],
  [/^LOADING/, place => `Redis at ${place} is still loading its data (LOADING)`],
  [/^MOVED/, place => `our slot of ${place} has moved to another server (MOVED)`],
  [/^(ASK|TRYAGAIN)/, place => `our slot of ${place} is moving to another server`],
  [/^CLUSTERDOWN/, place => `${place} is down: not every slot has a server (CLUSTERDOWN)`],
  [/^CROSSSLOT/, place => `our names are in several slots of ${place}: TICKCAST_PREFIX needs a hash tag, such as {tickcast}: (CROSSSLOT)`],
  [/cluster support disabled/, () => 'REDIS_URL names a Redis Cluster, but its server is none: use redis:// instead of redis+cluster://'],
]

/** Why Redis refuses or fails us, in one sentence without the password. */
export function causeOf(error: unknown, { kind, place, password }: Pick<RedisTarget, 'kind' | 'place' | 'password'>): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = `${error instanceof Error ? error.message : String(error)} ${code}`.trim()
  if (/NOPERM|user executing the script/.test(text)) return `the Redis user in REDIS_URL lacks a permission: ${tidy(text, password)}`
  if (kind === 'standalone' && /^(MOVED|CROSSSLOT)/.test(text))
    return `Redis at ${place} is a server of a Cluster: use redis+cluster:// instead of redis://`
  const reason = reasons.find(([pattern]) => pattern.test(text))
  return reason === undefined ? `Redis at ${place}: ${tidy(text, password)}` : reason[1](place)
}

function tidy(text: string, password = ''): string {
  const safe = password === '' ? text : text.replaceAll(password, '***')
  return safe.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 200)
}
