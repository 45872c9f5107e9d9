{
  "variables": { "werror%": 0 },
  "targets": [
    {
      "target_name": "posix_mmap",
      "sources": [
        "native/addon.cc",
        "native/arguments.cc",
        "native/copy_binding.cc",
        "native/cxx_runtime.cc",
        "native/end_watch.cc",
        "native/environment.cc",
        "native/external_buffer.cc",
        "native/constants_binding.cc",
        "native/fault_binding.cc",
        "native/fault_doorbell.cc",
        "native/file_binding.cc",
        "native/job_binding.cc",
        "native/jobs.cc",
        "native/loop_listener.cc",
        "native/mapping_binding.cc",
        "native/range_binding.cc",
        "native/search_binding.cc",
        "native/shared_buffer.cc",
        "native/sharing_binding.cc",
        "native/posix/advice.cc",
        "native/posix/background.cc",
        "native/posix/condition.cc",
        "native/posix/discard.cc",
        "native/posix/drop_pages.cc",
        "native/posix/fault_bells.cc",
        "native/posix/fault_guard.cc",
        "native/posix/fault_log.cc",
        "native/posix/fault_repair.cc",
        "native/posix/file.cc",
        "native/posix/file_advice.cc",
        "native/posix/guarded_copy.cc",
        "native/posix/guarded_section.cc",
        "native/posix/guard_pages.cc",
        "native/posix/kernel_file.cc",
        "native/posix/lock.cc",
        "native/posix/map_budget.cc",
        "native/posix/map_reserve.cc",
        "native/posix/overlay.cc",
        "native/posix/page_range.cc",
        "native/posix/populate.cc",
        "native/posix/probe.cc",
        "native/posix/protection.cc",
        "native/posix/range_work.cc",
        "native/posix/region.cc",
        "native/posix/region_file.cc",
        "native/posix/region_table.cc",
        "native/posix/region_ticket.cc",
        "native/posix/replaced_pages.cc",
        "native/posix/residency.cc",
        "native/posix/search.cc",
        "native/posix/shared_memory.cc",
        "native/posix/sync.cc",
        "native/posix/thread_value.cc",
        "native/posix/transfer.cc",
        "<(SHARED_INTERMEDIATE_DIR)/source_digest.cc"
      ],
      "include_dirs": [ "<!(node -p \"require('node-addon-api').include_dir\")" ],
      "actions": [
        {
          "action_name": "source_digest",
          "inputs": [ "<!@(node scripts/source-digest.js --list)" ],
          "outputs": [ "<(SHARED_INTERMEDIATE_DIR)/source_digest.cc" ],
          "action": [ "node", "scripts/source-digest.js", "<@(_outputs)" ]
        }
      ],
      # off_t has 64 bits anyway, and open64 and its like are not what musl calls them.
      "defines!": [ "_FILE_OFFSET_BITS=64", "_LARGEFILE_SOURCE" ],
      "cflags": [ "-fvisibility=hidden", "-Wall", "-Wextra", "-Wpedantic" ],
      "cflags!": [ "-fno-omit-frame-pointer" ],
      "cflags_cc!": [ "-std=gnu++17", "-std=gnu++20" ],
      "cflags_cc": [ "-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden" ],
      # nodelete: finalizers of shared buffers and the signal handler outlive the thread that loaded us.
      "ldflags": [
        # No NEEDED entry: glibc and musl have other names for the same library, and Node has it loaded.
        "-nolibc", "-static-libstdc++", "-static-libgcc",
        "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now",
        "-Wl,--version-script=../native/exports.map"
      ],
      "conditions": [ [ "werror==1", { "cflags": [ "-Werror" ] } ] ]
    }
  ]
}
