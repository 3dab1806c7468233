/**
 * granted: the lease is held and `epoch` is in force: the bus refuses every other one from now on.
 * refused: somebody holds it for `remainingMs` more at most.
 * unreachable: nobody knows. A timeout is never a "no": the lease may have been granted.
 */
export type AcquireOutcome =
  | { readonly kind: 'granted'; readonly epoch: number }
  | { readonly kind: 'refused'; readonly remainingMs: number }
  | { readonly kind: 'unreachable'; readonly cause: string }

export type RenewOutcome = { readonly kind: 'held' } | { readonly kind: 'lost' } | { readonly kind: 'unreachable'; readonly cause: string }

export type OfferOutcome =
  | { readonly kind: 'offered' }
  | { readonly kind: 'not-held' }
  | { readonly kind: 'unreachable'; readonly cause: string }

/** refused: somebody else claimed the offer, or it is not that leader's lease any more. */
export type ClaimOutcome =
  | { readonly kind: 'granted' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly cause: string }

export type ReleaseOutcome =
  | { readonly kind: 'released' }
  | { readonly kind: 'not-held' }
  | { readonly kind: 'unreachable'; readonly cause: string }

/**
 * Who may publish. The lease is for liveness: it ends by itself when its holder dies. The epoch is for safety: it only grows, and
 * the bus refuses all but the newest. So two instances may both believe that they lead for a moment, but only one can move a price.
 */
export interface Lease {
  /**
   * `id` names one start of one process. `floorEpoch`: the highest epoch this instance has ever seen; the new one is higher. `from`: a holder
   * who offered its lease, and from whom it may be taken while a claim of ours lasts. Who holds it and does not know is granted it anew.
   */
  acquire(request: {
    readonly id: string
    readonly ttlMs: number
    readonly floorEpoch: number
    readonly from?: string
  }): Promise<AcquireOutcome>
  renew(request: { readonly id: string; readonly ttlMs: number; readonly epoch: number }): Promise<RenewOutcome>
  /** Tells the followers that the lease can be taken over, while it goes on. The offer stands for `ttlMs`, or until the lease is granted anew. */
  offer(request: { readonly id: string; readonly ttlMs: number }): Promise<OfferOutcome>
  /** Reserves the offer of the holder `from` for `id` and tells the holder: so that one follower prepares, not all. Ends by itself. */
  claim(request: { readonly id: string; readonly from: string; readonly ttlMs: number }): Promise<ClaimOutcome>
  /** Gives the lease up and tells the followers, so that none of them waits for it to expire. */
  release(request: { readonly id: string }): Promise<ReleaseOutcome>
}
