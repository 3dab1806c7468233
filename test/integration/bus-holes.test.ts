import { afterEach, describe, expect, it } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { type Fleet, reaches, startFleet } from '../support/fleet.ts'
import { openReader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { startSpeaker } from '../support/speaker.ts'
import { until } from '../support/until.ts'

let cluster: Cluster | undefined
let fleet: Fleet | undefined
afterEach(async () => {
  await cluster?.end()
  await fleet?.end()
  cluster = undefined
  fleet = undefined
})

describe.skipIf(!redisAvailable)('what a follower did not hear', () => {
  it('is found by the next price of the pair, and healed for every pair from what is stored', async () => {
    cluster = await startCluster()
    const speaker = await startSpeaker(cluster.redis.url)
    const pairs = { TICKCAST_PAIRS: 'BTC/USD,ETH/USD', TICKCAST_LEADER_ELIGIBLE: 'false' }
    const follower = await cluster.start({ environment: pairs })
    await follower.reaches('relay', 'current')
    speaker.beat('live')
    const reader = await follower.read('BTC/USD,ETH/USD')
    const shows = (id: string) => until(`${id} is shown`, () => reader.prices().some(event => event.id === id))
    const count = (pair: string): number => reader.prices(pair).length
    await shows(await speaker.price('ETH/USD'))
    await shows(await speaker.price('BTC/USD'))
    expect((await follower.status()).bus).toMatchObject({ holes: 0 })

    await speaker.lose('ETH/USD')
    const lost = await speaker.lose('BTC/USD')
    const heard = await speaker.price('BTC/USD')
    await shows(heard)
    // The last price of the other pair was lost, too, and no later one tells of it. It comes late, so its id stands behind the newest.
    await until('it is shown', () => count('ETH/USD') === 2)
    expect(reader.prices('ETH/USD').at(-1)?.id).toBe(heard.replace(/\d+$/, last => String(Number(last) + 1)))
    expect((await follower.status()).bus).toMatchObject({ holes: 1, garbled: 0 })
    expect(reader.prices('BTC/USD').map(({ id }) => id)).not.toContain(lost)
    await speaker.stop()
  })

  it('is not shown late: who stood still reads the last price, not what was buffered meanwhile', async () => {
    fleet = await startFleet({ rate: 20 })
    const one = await fleet.start()
    await fleet.leader([one])
    await reaches(one, 'live')
    const two = await fleet.start({ TICKCAST_LEADER_ELIGIBLE: 'false' })
    await reaches(two, 'live')
    const reader = await openReader(`${two.url}/v1/stream?pairs=BTC/USD&mode=every`)
    await until('prices flow', () => reader.prices().length > 20)
    two.signal('SIGSTOP')
    const stoppedAt = Date.now()
    await new Promise(resolve => setTimeout(resolve, 4000))
    const had = reader.events.length
    two.signal('SIGCONT')
    const wokenAt = Date.now()
    await until('prices flow again', () => reader.prices().filter(({ data }) => data.receivedAt > wokenAt).length > 20)
    const late = reader.events.slice(had).filter(({ name, data }) => name === 'price' && data.receivedAt < wokenAt - 1000)
    // What it had taken in before it was stopped may still leave it.
    expect(late.filter(({ data }) => data.receivedAt > stoppedAt + 500)).toEqual([])
    // What it missed it asks the leader for, who has it from the exchange over REST; what that cannot give is told.
    const after = reader.events.slice(had).filter(({ name }) => name === 'price' || name === 'gap')
    expect(after.some(({ name, data }) => name === 'gap' || data.source === 'rest')).toBe(true)
    for (const [at, { data }] of after.entries()) {
      const before = after[at - 1]?.data
      if (before !== undefined) expect(data.from ?? data.tradeId).toBe((before.to ?? before.tradeId) + 1)
    }
    expect(two.lines.map(({ cause }) => cause)).toContainEqual(expect.stringContaining('stood still'))
  })
})
