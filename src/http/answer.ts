import type { Context } from 'hono'

/** What the answers of all routes have in common. */

/** Everything but what an operator sends is read. */
export const methods = ['GET', 'HEAD']

const problemType = 'application/problem+json'

/** RFC 9457. `detail` is a sentence for whoever asked; `more`: members beside the usual ones. */
export function problem(
  c: Context,
  status: 400 | 401 | 403 | 404 | 405 | 409 | 503,
  title: string,
  detail: string,
  more: object = {},
): Response {
  return c.body(JSON.stringify({ type: 'about:blank', title, status, detail, ...more }), status, {
    'Content-Type': problemType,
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    ...(status === 405 && { Allow: methods.join(', ') }),
  })
}

/** To a request that no route can be asked about, because its target or its host is none. */
export function unreadable(why: string): Response {
  const body = { type: 'about:blank', title: 'Malformed request', status: 400, detail: `The request cannot be read: ${why}.` }
  const response = new Response(JSON.stringify(body), { status: 400, headers: { 'Content-Type': problemType } })
  finish(response.headers)
  return response
}

/** What is true now, even that a pair is unknown, is for no cache; pages say themselves how long they last. */
export function finish(headers: Headers): void {
  headers.set('X-Content-Type-Options', 'nosniff')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}
