{
  "variables": { "werror%": 0 },
  "targets": [
    {
      "target_name": "posix_mmap",
      "sources": [
        "native/addon.cc",
        "native/bindings/arguments.cc",
        "native/bindings/constants.cc",
        "native/bindings/copy.cc",
        "native/bindings/fault.cc",
        "native/bindings/file.cc",
        "native/bindings/job.cc",
        "native/bindings/mapping.cc",
        "native/bindings/range.cc",
        "native/bindings/search.cc",
        "native/bindings/sharing.cc",
        "native/environment/end_watch.cc",
        "native/environment/environment.cc",
        "native/environment/external_buffer.cc",
        "native/environment/fault_listener.cc",
        "native/environment/jobs.cc",
        "native/environment/loop_listener.cc",
        "native/environment/shared_buffer.cc",
        "native/cxx_runtime.cc",
        "native/posix/calls/advice.cc",
        "native/posix/calls/discard.cc",
        "native/posix/calls/drop_pages.cc",
        "native/posix/calls/guard_pages.cc",
        "native/posix/calls/lock.cc",
        "native/posix/calls/map.cc",
        "native/posix/calls/msync.cc",
        "native/posix/calls/populate.cc",
        "native/posix/calls/protection.cc",
        "native/posix/calls/remap.cc",
        "native/posix/calls/residency.cc",
        "native/posix/content/probe.cc",
        "native/posix/content/search.cc",
        "native/posix/content/transfer.cc",
        "native/posix/faults/fault_guard.cc",
        "native/posix/faults/fault_listeners.cc",
        "native/posix/faults/fault_repair.cc",
        "native/posix/faults/guarded_copy.cc",
        "native/posix/faults/guarded_section.cc",
        "native/posix/faults/replaced_pages.cc",
        "native/posix/faults/thread_value.cc",
        "native/posix/files/file.cc",
        "native/posix/files/file_advice.cc",
        "native/posix/files/file_identity.cc",
        "native/posix/files/kernel_file.cc",
        "native/posix/files/shared_memory.cc",
        "native/posix/page_range.cc",
        "native/posix/region/fault_log.cc",
        "native/posix/region/map_budget.cc",
        "native/posix/region/map_reserve.cc",
        "native/posix/region/overlay.cc",
        "native/posix/region/region.cc",
        "native/posix/region/region_table.cc",
        "native/posix/region/region_token.cc",
        "native/posix/threads/background.cc",
        "native/posix/threads/condition.cc",
        "native/posix/threads/range_work.cc",
        "<(SHARED_INTERMEDIATE_DIR)/source_digest.cc"
      ],
      "include_dirs": [ "native", "<!(node -p \"require('node-addon-api').include_dir\")" ],
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
