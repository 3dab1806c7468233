import type { Diary } from './diary.ts'
import type { Path } from './path.ts'

/**
 * From one leader's last price to the next one's first. What the successor's own socket brings waits, first until it leads, then until it
 * knows what is stored: our epoch is in force by then, so that is all the leader before us told. Unread, our first prices could be older.
 */
export interface Succession {
  /** Leadership may have changed. */
  look(): void
}

export interface SuccessionOptions {
  readonly path: Path
  readonly diary: Pick<Diary, 'role' | 'isStandby'>
  /** Reads what is stored of all wanted pairs. Returns whether it could. */
  readonly readStored: () => Promise<boolean>
}

/** What is stored is asked for so often before we go on without it. */
const triesMax = 8

export function createSuccession({ path, diary, readStored }: SuccessionOptions): Succession {
  let isSucceeding = false

  const succeed = async (): Promise<void> => {
    isSucceeding = true
    for (let tries = 0; tries < triesMax && diary.role() === 'leader'; tries += 1) if (await readStored()) break
    isSucceeding = false
    if (diary.role() !== 'follower') path.resume()
  }

  return {
    look: () => {
      const isFollowing = diary.role() === 'follower'
      if (diary.isStandby()) path.hold()
      else if (isFollowing) path.drop()
      if (!isFollowing && path.isHeld && !isSucceeding) void succeed()
    },
  }
}
