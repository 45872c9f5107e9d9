// What the bindings give to JavaScript: one function for each entry of the table in addon.cc.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

// constants.cc: the kernel's numbers, as this binary was compiled with them.

/// { PROT_READ: 1, … , pageSize: … }
napi_value constants(napi_env env);

/// The digest of the sources of this binary; scripts/source-digest.js defines it during the build.
extern const char kSourceDigest[];
napi_value source_digest(napi_env env);

// mapping.cc: makes mappings, gives out their memory, and ends them.

Napi::Value map(const Napi::CallbackInfo& info);
Napi::Value map_file_region(const Napi::CallbackInfo& info);
Napi::Value unmap(const Napi::CallbackInfo& info);
Napi::Value release(const Napi::CallbackInfo& info);
Napi::Value remap(const Napi::CallbackInfo& info);
Napi::Value map_again(const Napi::CallbackInfo& info);
Napi::Value last_page(const Napi::CallbackInfo& info);
Napi::Value array_buffer(const Napi::CallbackInfo& info);
Napi::Value protection(const Napi::CallbackInfo& info);
Napi::Value address(const Napi::CallbackInfo& info);
Napi::Value watch_for_end(const Napi::CallbackInfo& info);
Napi::Value region_counts(const Napi::CallbackInfo& info);
Napi::Value memory_account_now(const Napi::CallbackInfo& info);
Napi::Value available_memory_now(const Napi::CallbackInfo& info);
Napi::Value map_count_limit_now(const Napi::CallbackInfo& info);

// sharing.cc: the same memory in other threads, as another mapping and as a SharedArrayBuffer.

Napi::Value share(const Napi::CallbackInfo& info);
Napi::Value attach(const Napi::CallbackInfo& info);
Napi::Value shared_array_buffer(const Napi::CallbackInfo& info);
Napi::Value overlay(const Napi::CallbackInfo& info);
Napi::Value clear_overlay(const Napi::CallbackInfo& info);

// copy.cc: copies in and out of a mapping that report a fault instead of raising it.

Napi::Value copy_out(const Napi::CallbackInfo& info);
Napi::Value copy_in(const Napi::CallbackInfo& info);
Napi::Value copy_resident(const Napi::CallbackInfo& info);
Napi::Value copies_backward(const Napi::CallbackInfo& info);

// search.cc: searches in a mapping, and the probe before a view is given out.

Napi::Value line_ends(const Napi::CallbackInfo& info);
Napi::Value line_ends_of_copy(const Napi::CallbackInfo& info);
Napi::Value search_first(const Napi::CallbackInfo& info);
Napi::Value search_last(const Napi::CallbackInfo& info);
Napi::Value probe_range(const Napi::CallbackInfo& info);
Napi::Value lost_page(const Napi::CallbackInfo& info);
Napi::Value still_there(const Napi::CallbackInfo& info);
Napi::Value unsyncable(const Napi::CallbackInfo& info);

// range.cc: the calls that take a range of a mapping, as (handle, offset, length, argument): 0 or
// -errno.

Napi::Value msync(const Napi::CallbackInfo& info);
Napi::Value madvise(const Napi::CallbackInfo& info);
Napi::Value madvise_inside(const Napi::CallbackInfo& info);
Napi::Value madvise_supported(const Napi::CallbackInfo& info);
Napi::Value start_auto_advice(const Napi::CallbackInfo& info);
Napi::Value stop_auto_advice(const Napi::CallbackInfo& info);
Napi::Value mprotect(const Napi::CallbackInfo& info);
Napi::Value mlock(const Napi::CallbackInfo& info);
Napi::Value munlock(const Napi::CallbackInfo& info);
Napi::Value lock_limit_bytes(const Napi::CallbackInfo& info);
Napi::Value populate_range(const Napi::CallbackInfo& info);
Napi::Value discard_range(const Napi::CallbackInfo& info);
Napi::Value drop_range(const Napi::CallbackInfo& info);
Napi::Value punch_hole_range(const Napi::CallbackInfo& info);
Napi::Value guard_range(const Napi::CallbackInfo& info);
Napi::Value unguard_range(const Napi::CallbackInfo& info);
Napi::Value page_count(const Napi::CallbackInfo& info);
Napi::Value piece_end_of_range(const Napi::CallbackInfo& info);
Napi::Value piece_start_of_range(const Napi::CallbackInfo& info);
Napi::Value mincore(const Napi::CallbackInfo& info);

// job.cc: the calls that block for long, as work in the background.

Napi::Value listen_for_jobs(const Napi::CallbackInfo& info);
Napi::Value start_flush(const Napi::CallbackInfo& info);
Napi::Value start_populate(const Napi::CallbackInfo& info);
Napi::Value start_lock(const Napi::CallbackInfo& info);
Napi::Value start_prefetch(const Napi::CallbackInfo& info);
Napi::Value start_copy(const Napi::CallbackInfo& info);
Napi::Value forbid_process_madvise(const Napi::CallbackInfo& info);
Napi::Value cancel_job(const Napi::CallbackInfo& info);
Napi::Value abandon_job(const Napi::CallbackInfo& info);
Napi::Value look_at_jobs(const Napi::CallbackInfo& info);

// sync.cc: waiting for words, who is alive, and a name for a segment that is complete.

Napi::Value futex_memory(const Napi::CallbackInfo& info);
Napi::Value futex_wait_here(const Napi::CallbackInfo& info);
Napi::Value futex_wake_waiters(const Napi::CallbackInfo& info);
Napi::Value allow_interruptions(const Napi::CallbackInfo& info);
Napi::Value listen_for_waits(const Napi::CallbackInfo& info);
Napi::Value start_wait(const Napi::CallbackInfo& info);
Napi::Value cancel_wait(const Napi::CallbackInfo& info);
Napi::Value forbid_futex_waitv(const Napi::CallbackInfo& info);
Napi::Value wait_threads(const Napi::CallbackInfo& info);
Napi::Value hold_owner(const Napi::CallbackInfo& info);
Napi::Value find_dead_owners(const Napi::CallbackInfo& info);
Napi::Value link_descriptor_at(const Napi::CallbackInfo& info);

// fault.cc: the faults of a mapping, and their listener.

Napi::Value peek_fault(const Napi::CallbackInfo& info);
Napi::Value check_faults(const Napi::CallbackInfo& info);
Napi::Value check_faults_again(const Napi::CallbackInfo& info);
Napi::Value take_fault(const Napi::CallbackInfo& info);
Napi::Value fault_epoch_word(const Napi::CallbackInfo& info);
Napi::Value is_sound(const Napi::CallbackInfo& info);
Napi::Value listen_for_faults(const Napi::CallbackInfo& info);
Napi::Value is_fault_guard_active(const Napi::CallbackInfo& info);

// file.cc: files, and the descriptors that stand for memory.

Napi::Value size_of_file(const Napi::CallbackInfo& info);
Napi::Value truncate_file(const Napi::CallbackInfo& info);
Napi::Value reserve_file_blocks(const Napi::CallbackInfo& info);
Napi::Value posix_fadvise(const Napi::CallbackInfo& info);
Napi::Value cachestat(const Napi::CallbackInfo& info);
Napi::Value look_at_path(const Napi::CallbackInfo& info);
Napi::Value open_file_of(const Napi::CallbackInfo& info);
Napi::Value memfd_create(const Napi::CallbackInfo& info);
Napi::Value shm_open(const Napi::CallbackInfo& info);
Napi::Value shm_unlink(const Napi::CallbackInfo& info);
Napi::Value fcntl_add_seals(const Napi::CallbackInfo& info);
Napi::Value fcntl_get_seals(const Napi::CallbackInfo& info);
Napi::Value fcntl_duplicate(const Napi::CallbackInfo& info);
Napi::Value fcntl_access_mode(const Napi::CallbackInfo& info);
Napi::Value hand_over_descriptor(const Napi::CallbackInfo& info);
Napi::Value is_own_descriptor(const Napi::CallbackInfo& info);
Napi::Value close_descriptor(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
