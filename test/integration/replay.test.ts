import { describe } from 'vitest'
import { itWithRecordings } from '../support/recordings.ts'
import { redisAvailable } from '../support/redis.ts'
import { replayThroughFollower } from '../support/replay.ts'

describe.skipIf(!redisAvailable)('recorded trades, as fast as they were made (six minutes)', () => {
  itWithRecordings(
    'each reaches a reader of the follower exactly once, in order, to the last digit',
    () => replayThroughFollower(1, 420_000),
    450_000,
  )
})
