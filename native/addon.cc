// The table of exported functions; src/native.ts declares the same ones.
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "napi_setup.h"

namespace posix_mmap {
namespace {

using Method = Napi::Value (*)(const Napi::CallbackInfo&);

template <Method method>
napi_value call(napi_env env, napi_callback_info info) {
  return method(Napi::CallbackInfo(env, info));
}

template <Method method>
void add(Napi::Object exports, const char* name) {
  napi_value function = nullptr;
  napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, call<method>, nullptr, &function);
  napi_set_named_property(exports.Env(), exports, name, function);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  Environment::create(env);
  napi_set_named_property(env, exports, "constants", constants(env));
  napi_set_named_property(env, exports, "sourceDigest", source_digest(env));

  add<map>(exports, "map");
  add<map_file_region>(exports, "mapFile");
  add<unmap>(exports, "unmap");
  add<release>(exports, "release");
  add<remap>(exports, "remap");
  add<map_again>(exports, "mapAgain");
  add<last_page>(exports, "lastPage");
  add<array_buffer>(exports, "arrayBuffer");
  add<protection>(exports, "protection");
  add<address>(exports, "address");
  add<watch_for_end>(exports, "watchForEnd");
  add<region_counts>(exports, "regionCounts");
  add<memory_account_now>(exports, "memoryAccount");
  add<available_memory_now>(exports, "availableMemory");
  add<map_count_limit_now>(exports, "mapCountLimit");

  add<share>(exports, "share");
  add<attach>(exports, "attach");
  add<shared_array_buffer>(exports, "sharedArrayBuffer");
  add<overlay>(exports, "overlay");
  add<clear_overlay>(exports, "clearOverlay");

  add<copy_out>(exports, "copyOut");
  add<copy_in>(exports, "copyIn");
  add<copy_resident>(exports, "copyResident");
  add<copies_backward>(exports, "copiesBackward");

  add<line_ends>(exports, "lineEnds");
  add<line_ends_of_copy>(exports, "lineEndsOfCopy");
  add<search_first>(exports, "searchFirst");
  add<search_last>(exports, "searchLast");
  add<probe_range>(exports, "probe");
  add<lost_page>(exports, "lostPage");
  add<still_there>(exports, "stillThere");
  add<unsyncable>(exports, "unsyncable");

  add<msync>(exports, "msync");
  add<madvise>(exports, "madvise");
  add<madvise_inside>(exports, "madviseInside");
  add<madvise_supported>(exports, "madviseSupported");
  add<start_auto_advice>(exports, "startAutoAdvice");
  add<stop_auto_advice>(exports, "stopAutoAdvice");
  add<mprotect>(exports, "mprotect");
  add<mlock>(exports, "mlock");
  add<munlock>(exports, "munlock");
  add<lock_limit_bytes>(exports, "lockLimit");
  add<populate_range>(exports, "populate");
  add<discard_range>(exports, "discard");
  add<drop_range>(exports, "dropPages");
  add<punch_hole_range>(exports, "punchHole");
  add<guard_range>(exports, "installGuard");
  add<unguard_range>(exports, "removeGuard");
  add<page_count>(exports, "pageCount");
  add<piece_end_of_range>(exports, "pieceEnd");
  add<piece_start_of_range>(exports, "pieceStart");
  add<mincore>(exports, "mincore");

  add<listen_for_jobs>(exports, "listenForJobs");
  add<start_flush>(exports, "startFlush");
  add<start_populate>(exports, "startPopulate");
  add<start_lock>(exports, "startLock");
  add<start_prefetch>(exports, "startPrefetch");
  add<start_copy>(exports, "startCopy");
  add<forbid_process_madvise>(exports, "forbidProcessMadvise");
  add<cancel_job>(exports, "cancelJob");
  add<abandon_job>(exports, "abandonJob");
  add<look_at_jobs>(exports, "lookAtJobs");

  add<futex_memory>(exports, "futexMemory");
  add<futex_wait_here>(exports, "futexWait");
  add<futex_wake_waiters>(exports, "futexWake");
  add<allow_interruptions>(exports, "allowInterruptions");
  add<listen_for_waits>(exports, "listenForWaits");
  add<start_wait>(exports, "startWait");
  add<cancel_wait>(exports, "cancelWait");
  add<forbid_futex_waitv>(exports, "forbidFutexWaitv");
  add<wait_threads>(exports, "waitThreads");
  add<hold_owner>(exports, "holdOwner");
  add<find_dead_owners>(exports, "findDeadOwners");
  add<link_descriptor_at>(exports, "linkDescriptor");

  add<peek_fault>(exports, "fault");
  add<check_faults>(exports, "check");
  add<check_faults_again>(exports, "checkAgain");
  add<take_fault>(exports, "clearFault");
  add<fault_epoch_word>(exports, "faultEpoch");
  add<is_sound>(exports, "isSound");
  add<listen_for_faults>(exports, "listenForFaults");
  add<is_fault_guard_active>(exports, "faultGuardActive");

  add<size_of_file>(exports, "fileSize");
  add<truncate_file>(exports, "truncate");
  add<reserve_file_blocks>(exports, "reserveBlocks");
  add<posix_fadvise>(exports, "fileAdvice");
  add<cachestat>(exports, "cachestat");
  add<look_at_path>(exports, "lookAtFile");
  add<open_file_of>(exports, "openFileOf");
  add<memfd_create>(exports, "memfdCreate");
  add<shm_open>(exports, "shmOpen");
  add<shm_unlink>(exports, "shmUnlink");
  add<fcntl_add_seals>(exports, "addSeals");
  add<fcntl_get_seals>(exports, "getSeals");
  add<fcntl_duplicate>(exports, "duplicate");
  add<fcntl_access_mode>(exports, "accessMode");
  add<hand_over_descriptor>(exports, "handOverDescriptor");
  add<is_own_descriptor>(exports, "isOwnDescriptor");
  add<close_descriptor>(exports, "closeDescriptor");
  return exports;
}

NODE_API_MODULE(posix_mmap, initialize)

}  // namespace
}  // namespace posix_mmap
