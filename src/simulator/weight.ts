import type { Clock } from '../clock.ts'
import type { ExchangeLimits } from './limits.ts'

/** Whether a request may be answered; `retryAfterS` is what the Retry-After header says otherwise. */
export type Admission =
  | { readonly admitted: true; readonly used: number }
  | { readonly admitted: false; readonly used: number; readonly status: 429 | 418; readonly retryAfterS: number; readonly msg: string }

interface Account {
  minute: number
  used: number
  ignored: number
  bannedUntil: number
}

const MINUTE_MS = 60_000
const ACCOUNTS_MAX = 10_000

/** REST weight by address and UTC clock minute. A refused request costs its weight too. */
export class WeightLedger {
  readonly #clock: Clock
  readonly #limits: ExchangeLimits
  readonly #accounts = new Map<string, Account>()

  constructor(clock: Clock, limits: ExchangeLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  charge(address: string, weight: number): Admission {
    const wall = this.#clock.wall()
    const account = this.#account(address, Math.floor(wall / MINUTE_MS))
    account.used += weight
    const { used } = account
    const { weightPerMinute, banAfter, banMs } = this.#limits
    if (account.bannedUntil <= wall && used <= weightPerMinute) return { admitted: true, used }
    if (account.bannedUntil <= wall && ++account.ignored > banAfter) {
      account.bannedUntil = wall + banMs
      account.ignored = 0
    }
    if (account.bannedUntil > wall) {
      const msg = `Way too much request weight used; IP banned until ${Math.round(account.bannedUntil)}. Please use WebSocket Streams for live updates to avoid bans.`
      return { admitted: false, used, status: 418, retryAfterS: Math.ceil((account.bannedUntil - wall) / 1000), msg }
    }
    const msg = `Too much request weight used; current limit is ${weightPerMinute} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.`
    return { admitted: false, used, status: 429, retryAfterS: Math.ceil((MINUTE_MS - (wall % MINUTE_MS)) / 1000), msg }
  }

  /** The largest weight any address used in this minute. */
  get used(): number {
    const minute = Math.floor(this.#clock.wall() / MINUTE_MS)
    let most = 0
    for (const account of this.#accounts.values()) if (account.minute === minute) most = Math.max(most, account.used)
    return most
  }

  #account(address: string, minute: number): Account {
    const known = this.#accounts.get(address)
    if (known) {
      if (known.minute !== minute) Object.assign(known, { minute, used: 0, ignored: 0 })
      return known
    }
    if (this.#accounts.size >= ACCOUNTS_MAX) this.#accounts.clear()
    const opened: Account = { minute, used: 0, ignored: 0, bannedUntil: 0 }
    this.#accounts.set(address, opened)
    return opened
  }
}
