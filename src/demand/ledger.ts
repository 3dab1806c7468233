import type { Pair } from '../price.ts'

export type AnnounceOutcome = { readonly kind: 'noted' } | { readonly kind: 'unreachable'; readonly cause: string }

export type UnionOutcome =
  | { readonly kind: 'read'; readonly wanted: ReadonlyMap<string, readonly Pair[]> }
  | { readonly kind: 'unreachable'; readonly cause: string }

/** Which pairs each living instance wants. What is not announced again within its `ttlMs` is forgotten: a dead instance wants nothing. */
export interface Ledger {
  /** Replaces what `instance` wants. With `tell`, followers hear of it at once. */
  announce(instance: string, pairs: readonly Pair[], options: { readonly ttlMs: number; readonly tell: boolean }): Promise<AnnounceOutcome>
  withdraw(instance: string): Promise<AnnounceOutcome>
  /** Says to every instance, in words it may not know, what is wanted beside pairs. Nobody answers here. */
  ask(text: string): Promise<AnnounceOutcome>
  /** Instance → what it wants, living instances only. */
  union(): Promise<UnionOutcome>
}
