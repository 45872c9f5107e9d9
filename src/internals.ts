// What the tests look at behind the public interface; not published.

export { openCached } from './cli/cached-file.js'
export { main } from './cli/main.js'
export { readIn, readThrough } from './cli/read-in.js'
export { parseSmaps } from './cli/smaps.js'
export { columnsOf, harmless, padded, shortened } from './cli/text.js'
export { byteSize, counted, percentage, shortByteSize } from './cli/units.js'
export { noBinding } from './errors.js'
export { adviceNames } from './kernel/advice.js'
export { native } from './native.js'
