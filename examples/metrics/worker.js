// @ts-check
// One worker: it counts its requests in the shared map, and once more with prom-client, as services do that
// have a registry for each worker.

import { SharedMap } from 'posix-mmap/shared'
import { AggregatorRegistry, Counter, Histogram } from 'prom-client'
import { SharedMetrics } from './shared-metrics.js'
import { durations, requests, requestsOf } from './work.js'

const shared = new SharedMetrics(SharedMap.inherited('metrics'))
const { name, help } = requests
const counter = new Counter({ name, help, labelNames: ['route', 'status'] })
const histogram = new Histogram({
  name: durations.name,
  help: durations.help,
  labelNames: ['route'],
  buckets: [...(durations.bounds ?? [])],
})
// Answers the primary when that asks for the counts of this worker.
new AggregatorRegistry()

for (const { route, status, seconds } of requestsOf(Number(process.argv[2]))) {
  shared.count(requests, { route, status })
  shared.observe(durations, { route }, seconds)
  counter.inc({ route, status })
  histogram.observe({ route }, seconds)
}
process.send?.('done')
