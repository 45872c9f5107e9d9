{
  "variables": { "werror%": 0 },
  "targets": [
    {
      "target_name": "posix_mmap",
      "sources": [
        "native/addon.cc",
        "native/arguments.cc",
        "native/copy_binding.cc",
        "native/end_watch.cc",
        "native/environment.cc",
        "native/external_buffer.cc",
        "native/constants_binding.cc",
        "native/fault_binding.cc",
        "native/fault_doorbell.cc",
        "native/file_binding.cc",
        "native/mapping_binding.cc",
        "native/range_binding.cc",
        "native/posix/advice.cc",
        "native/posix/discard.cc",
        "native/posix/fault_guard.cc",
        "native/posix/fault_log.cc",
        "native/posix/fault_repair.cc",
        "native/posix/file.cc",
        "native/posix/guarded_copy.cc",
        "native/posix/guard_pages.cc",
        "native/posix/kernel_file.cc",
        "native/posix/lock.cc",
        "native/posix/map_budget.cc",
        "native/posix/map_reserve.cc",
        "native/posix/page_range.cc",
        "native/posix/populate.cc",
        "native/posix/protection.cc",
        "native/posix/region.cc",
        "native/posix/region_table.cc",
        "native/posix/residency.cc",
        "native/posix/shared_memory.cc",
        "native/posix/sync.cc",
        "native/posix/transfer.cc"
      ],
      "include_dirs": [ "<!(node -p \"require('node-addon-api').include_dir\")" ],
      "cflags": [ "-fvisibility=hidden", "-Wall", "-Wextra", "-Wpedantic" ],
      "cflags!": [ "-fno-omit-frame-pointer" ],
      "cflags_cc!": [ "-std=gnu++17", "-std=gnu++20" ],
      "cflags_cc": [ "-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden" ],
      # nodelete: finalizers of shared buffers and the signal handler outlive the thread that loaded us.
      "ldflags": [ "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now" ],
      "conditions": [ [ "werror==1", { "cflags": [ "-Werror" ] } ] ]
    }
  ]
}
