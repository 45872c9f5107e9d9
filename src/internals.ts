// What the tests look at behind the public interface; not published.

export { extentIn, parseRange } from './cli/byte-range.js'
export { lookAt, openCached } from './cli/cached-file.js'
export { residencyOf, runsOf } from './cli/cached-pages.js'
export { glob } from './cli/glob.js'
export { main } from './cli/main.js'
export { bytesOf, exactWords, pathFrom } from './cli/paths.js'
export { decodePicture, encodePicture, type PicturedFile } from './cli/picture.js'
export { StatusLine } from './cli/progress.js'
export { readIn, readRunsIn, readThrough } from './cli/read-in.js'
export { byteCountOf, inPairs, within, without } from './cli/runs.js'
export { parseSmaps } from './cli/smaps.js'
export { columnsOf, escaped, harmless, jsonText, padded, shortened } from './cli/text.js'
export { byteSize, counted, parseSize, percentage, shortByteSize } from './cli/units.js'
export { movedAway, noBinding } from './errors.js'
export { adviceNames } from './kernel/advice.js'
export { forbidCachestat } from './kernel/cachestat.js'
export { native } from './native.js'
export { mayChange } from './runtime/brand.js'
export { notShown } from './runtime/inline-atomics.js'
export { readHeader } from './shared/header.js'
export { setBeforeStore } from './shared/map-journal.js'
export { Key as MapKey } from './shared/map-keys.js'
export {
  classes,
  fillsOffset,
  geometryFrom,
  headsWord,
  mapLayout,
  state as mapState,
  viewsOf,
} from './shared/map-layout.js'
export { record as mapRecord } from './shared/map-records.js'
export { lockAt } from './shared/message-lock.js'
export { fenceLoads, fenceStores, plain } from './shared/plain-words.js'
export { finish, leaveReader, readerOf, receiveAttempt } from './shared/ring-consumer.js'
export { closeAttempt, endRecord, trySend } from './shared/ring-producer.js'
export { atomic } from './sync/atomic-words.js'
export { type Attempt, again, Sleep } from './sync/attempts.js'
export { arrive, withdraw } from './sync/barrier-word.js'
export { notificationAttempt, notify } from './sync/condition.js'
export { placeOf } from './sync/owner.js'
export { type Lock, lockAttempt, unlockAttempt } from './sync/robust-word.js'
export {
  abandon,
  exclusiveAttempt,
  sharedAttempt,
  unlockExclusive,
  unlockShared,
} from './sync/rw-lock-words.js'
export { addSome, initialBit, takeOne } from './sync/semaphore-word.js'
