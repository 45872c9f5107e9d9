export type { GetOrSetOptions, SetOptions, SharedMapOptions } from './shared/map-options.js'
export { SharedMap, type SharedMapStats } from './shared/shared-map.js'
