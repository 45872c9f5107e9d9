#include "posix/faults/fault_guard.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "posix/faults/fault_repair.h"
#include "posix/faults/guarded_copy.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"
#include "posix/faults/signal_context.h"
#include "posix/region/map_reserve.h"
#include "posix/region/region_table.h"

namespace posix_mmap {
namespace {

struct Previous {
  struct sigaction segv;
  struct sigaction bus;
};
Previous previous;
std::atomic<bool> installed{false};
std::atomic<int> notifications{0};

void notify(Region& region) noexcept {
  notifications.fetch_add(1, std::memory_order_seq_cst);
  FaultListener* listener = region.listener().load(std::memory_order_seq_cst);
  if (listener != nullptr) listener->notify(listener);
  notifications.fetch_sub(1, std::memory_order_seq_cst);
}

/// Raised by the processor for a page, and not by kill(2), for alignment or for broken memory.
bool is_page_fault(int signal, const siginfo_t& info) noexcept {
  if (signal == SIGBUS) return info.si_code == BUS_ADRERR;
  return info.si_code == SEGV_MAPERR || info.si_code == SEGV_ACCERR;
}

FaultKind classify(const Region& region, const siginfo_t& info, std::byte* page) noexcept {
  if (info.si_signo == SIGBUS) return FaultKind::truncated;
  const int protection = region.uniform_protection();
  if (protection != Region::kMixed) {
    return protection == PROT_NONE ? FaultKind::no_access : FaultKind::read_only;
  }
  if (page_readable(page)) return FaultKind::read_only;
  // A guard page is SEGV_MAPERR and lost in the same sense.
  return info.si_code == SEGV_ACCERR && page_lost(page) ? FaultKind::truncated
                                                        : FaultKind::no_access;
}

/// True if the interrupted program can go on.
bool settle(Region& region, const siginfo_t& info, ucontext_t& context) noexcept {
  // Data that is executed is beyond help: the new page would not be executable either.
  if (is_instruction_fetch(context)) return false;
  auto* const address = static_cast<std::byte*>(info.si_addr);
  const FaultKind kind = classify(region, info, page_of(address));
  if (guarded_section_abandon(context, kind, address)) return true;
  if (guarded_copy_abandon(context, address)) {
    region.faults().record(kind, fault_at(region, kind, address).offset);
  } else if (!repair_fault(region, kind, address, is_store(context))) {
    constexpr char kNote[] = "posix-mmap: no memory left to replace a page of a mapping\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kNote, sizeof(kNote) - 1);
    return false;
  }
  notify(region);
  return true;
}

/// Calls the handler that ours took the place of, as the kernel would have.
void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  struct sigaction& earlier = signal == SIGBUS ? previous.bus : previous.segv;
  const struct sigaction before = earlier;
  const bool sent = info->si_code <= 0;
  if ((before.sa_flags & SA_SIGINFO) == 0 &&
      (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN)) {
    // The kernel ignores only signals that somebody sent.
    if (sent && before.sa_handler == SIG_IGN) return;
    struct sigaction fatal{};
    fatal.sa_handler = SIG_DFL;
    sigaction(signal, &fatal, nullptr);
    // A fault happens again on return and then ends the process; a sent signal does not.
    if (sent) raise(signal);
    return;
  }
  if ((before.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) {
    earlier.sa_handler = SIG_DFL;
    earlier.sa_flags = 0;
  }
  sigset_t blocked = before.sa_mask;
  if ((before.sa_flags & SA_NODEFER) == 0) sigaddset(&blocked, signal);
  sigset_t original;
  pthread_sigmask(SIG_BLOCK, &blocked, &original);
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else {
    before.sa_handler(signal);
  }
  pthread_sigmask(SIG_SETMASK, &original, nullptr);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  bool settled = false;
  if (is_page_fault(signal, *info)) {
    Region* region = region_table_find(info->si_addr);
    settled = region != nullptr && settle(*region, *info, *static_cast<ucontext_t*>(context));
  }
  errno = saved_errno;
  if (!settled) pass_on(signal, info, context);
}

int take_over(int signal, struct sigaction& before) noexcept {
  // Read first: the handler may be needed, and consult it, the moment it is installed.
  if (sigaction(signal, nullptr, &before) != 0) return -errno;
  struct sigaction ours{};
  ours.sa_sigaction = on_signal;
  // SA_NODEFER: repairing a page may itself fault in guarded_copy.
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&ours.sa_mask);
  return sigaction(signal, &ours, nullptr) == 0 ? 0 : -errno;
}

bool is_ours(int signal) noexcept {
  struct sigaction current{};
  return sigaction(signal, nullptr, &current) == 0 && (current.sa_flags & SA_SIGINFO) != 0 &&
         current.sa_sigaction == on_signal;
}

}  // namespace

int fault_guard_install() noexcept {
  if (installed.load(std::memory_order_acquire)) return 0;
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  if (installed.load(std::memory_order_relaxed)) return 0;
  const int segv = take_over(SIGSEGV, previous.segv);
  if (segv != 0) return segv;
  const int bus = take_over(SIGBUS, previous.bus);
  if (bus != 0) {
    sigaction(SIGSEGV, &previous.segv, nullptr);
    return bus;
  }
  map_reserve_fill();
  installed.store(true, std::memory_order_release);
  return 0;
}

void fault_guard_report(Region& region, const Fault& fault) noexcept {
  region.faults().record(fault.kind, fault.offset);
  notify(region);
}

bool fault_guard_active() noexcept {
  return installed.load(std::memory_order_acquire) && is_ours(SIGSEGV) && is_ours(SIGBUS);
}

void fault_guard_await_listeners() noexcept {
  while (notifications.load(std::memory_order_seq_cst) != 0) sched_yield();
}

}  // namespace posix_mmap
