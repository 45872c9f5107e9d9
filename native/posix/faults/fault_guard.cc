#include "posix/faults/fault_guard.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "posix/faults/block_copy.h"
#include "posix/faults/fault_repair.h"
#include "posix/faults/guarded_copy.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"
#include "posix/faults/signal_context.h"
#include "posix/kernel_constants.h"
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

/// Whether the processor raised the signal for a page: not kill(2), and not for alignment or for
/// broken memory.
bool is_page_fault(int signal, const siginfo_t& info) noexcept {
  if (signal == SIGBUS) return info.si_code == BUS_ADRERR;
  return info.si_code == SEGV_MAPERR || info.si_code == SEGV_ACCERR || info.si_code == SEGV_PKUERR;
}

/// Whether the file has no page behind one that the region allows to be read, and that cannot be
/// read.
bool is_lost(const Region& region, std::byte* page) noexcept {
  const bool kernel_knows = madvise(nullptr, 0, MADV_POPULATE_READ) == 0;
  if (kernel_knows) return page_lost(page);
  const int protection = region.uniform_protection();
  return protection != Region::kMixed && (protection & PROT_READ) != 0;
}

FaultKind classify(const Region& region, const siginfo_t& info, std::byte* page,
                   bool store) noexcept {
  if (info.si_signo == SIGBUS) return FaultKind::truncated;
  // Of pages that are mapped, only a guard page is SEGV_MAPERR, and only one for instructions alone
  // is SEGV_PKUERR. What must not even be read is SEGV_ACCERR for a load. All this is said of the
  // access that failed, so it is right whatever other threads do to the pages meanwhile.
  if (info.si_code != SEGV_ACCERR || !store) return FaultKind::no_access;
  // A store is SEGV_ACCERR wherever the protection forbids it, also where more is amiss.
  if (page_readable(page)) return FaultKind::read_only;
  const int uniform = region.uniform_protection();
  const bool guarded = region.guards().test(region.page_index(page));
  if (!guarded && uniform != Region::kMixed && (uniform & PROT_READ) != 0) {
    return FaultKind::read_only;
  }
  if (region.guards().test(region.page_index(page))) return FaultKind::no_access;
  return is_lost(region, page) ? FaultKind::truncated : FaultKind::no_access;
}

/// Deals with a fault inside a region. True if the interrupted program can go on.
bool settle(Region& region, const siginfo_t& info, ucontext_t& context) noexcept {
  // Nothing helps a program that executes data: the new page would not be executable either.
  if (is_instruction_fetch(context)) return false;
  auto* const address = static_cast<std::byte*>(info.si_addr);
  const bool store = is_store(context);
  const FaultKind kind = classify(region, info, page_of(address), store);
  if (guarded_section_abandon(context, kind, address)) return true;
  if (guarded_copy_abandon(context, address)) {
    region.faults().record(kind, fault_at(region, kind, address).offset);
  } else if (!repair_fault(region, kind, address, store)) {
    constexpr char kNote[] = "posix-mmap: no memory left to replace a page of a mapping\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kNote, sizeof(kNote) - 1);
    return false;
  }
  notify(region);
  return true;
}

/// Calls the handler that this one replaced, in the way the kernel would have called it.
void pass_on(int signal, siginfo_t* info, void* context) noexcept {
  struct sigaction& earlier = signal == SIGBUS ? previous.bus : previous.segv;
  const struct sigaction before = earlier;
  const bool sent = info->si_code <= 0;
  if ((before.sa_flags & SA_SIGINFO) == 0 &&
      (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN)) {
    // A fault cannot be ignored; the kernel ignores only signals that somebody has sent.
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
    auto& interrupted = *static_cast<ucontext_t*>(context);
    settled = region != nullptr ? settle(*region, *info, interrupted)
                                : block_copy_abandon(interrupted, info->si_addr);
  }
  errno = saved_errno;
  if (!settled) pass_on(signal, info, context);
}

int take_over(int signal, struct sigaction& before) noexcept {
  // Read first: a fault the moment after the handler is installed already needs the earlier one.
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
