import { timingSafeEqual } from 'node:crypto'

/** May this request do what only an operator may? `unset`: nobody may here. */
export type Permission = 'granted' | 'denied' | 'unset'

/** `authorization`: the header, `Bearer <token>`. Takes as long for a wrong token as for the right one. */
export function permissionOf(authorization: string | undefined, token: string): Permission {
  if (token === '') return 'unset'
  const given = Buffer.from(authorization ?? '')
  const right = Buffer.from(`Bearer ${token}`)
  return given.length === right.length && timingSafeEqual(given, right) ? 'granted' : 'denied'
}
