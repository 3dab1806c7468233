import { describe } from 'vitest'
import { itWithRecordings } from '../support/recordings.ts'
import { redisAvailable } from '../support/redis.ts'
import { replayThroughFollower } from '../support/replay.ts'

describe.skipIf(!redisAvailable)('recorded trades, twenty times as fast as they were made', () => {
  itWithRecordings(
    'each reaches a reader of the follower exactly once, in order, to the last digit',
    () => replayThroughFollower(20, 60_000),
    90_000,
  )
})
