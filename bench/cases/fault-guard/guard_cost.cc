// guard_cost SMALL LARGE TIMES: measures what it costs to make a mapping of native/posix/, and to
// read every page of one. The program is linked once with the fault guard and once without.
#include "posix/calls/map.h"
#include "posix/region/region.h"
#include "rounds.h"

using posix_mmap::MapRequest;
using posix_mmap::Region;
using posix_mmap::RegionUser;

namespace {

volatile char sink;
int small_fd;
long times;
RegionUser large;

RegionUser map(int fd) {
  const MapRequest request{.fd = fd, .length = size_of(fd), .prot = PROT_READ, .flags = MAP_SHARED};
  RegionUser region;
  const int result = posix_mmap::map_region(request, region);
  if (result != 0) {
    errno = -result;
    fail("mmap");
  }
  return region;
}

double read_pages(const Region& region) {
  const char* const data = reinterpret_cast<const char*>(region.extent().data());
  const double start = now_ns();
  for (size_t at = 0; at < region.extent().byte_length; at += 64) sink = sink + data[at];
  return (now_ns() - start) / 1e6;
}

void measure() {
  const double start = now_ns();
  for (long i = 0; i < times; i++) {
    const RegionUser region = map(small_fd);
    sink = sink + *reinterpret_cast<const char*>(region->extent().data());
  }
  const double each = (now_ns() - start) / static_cast<double>(times) / 1e3;
  printf("{\"map\":%f,\"access\":%f}\n", each, read_pages(*large));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  small_fd = open_file(arguments[1]);
  large = map(open_file(arguments[2]));
  times = atol(arguments[3]);
  each_round(measure);
}
