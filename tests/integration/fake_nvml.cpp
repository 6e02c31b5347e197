// Stands in for libnvidia-ml.so.1 on a machine without a GPU: what miner/nvml.cpp loads, with two cards. The
// environment variable FAKE_NVML_FAILS names one call that fails; "card 0" fails for the first card only. Built with
// FAKE_NVML_INCOMPLETE it lacks a function, as a library that is too old would.

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int success = 0;
constexpr int invalid_argument = 2;
constexpr int driver_not_loaded = 9;
constexpr int insufficient_size = 7;
constexpr unsigned long long mib = 1ULL << 20U;

struct memory_info {
  unsigned long long total, free, used;
};
struct card {
  const char* name;
  memory_info memory;
  unsigned minor;
};
std::array<card, 2> cards{{{"NVIDIA RTX A5000", {24576 * mib, 24000 * mib, 576 * mib}, 0},
                           {"NVIDIA H100 80GB HBM3", {81920 * mib, 81000 * mib, 920 * mib}, 1}}};
bool ready = false;

bool fails(const std::string& call) {
  const char* named = std::getenv("FAKE_NVML_FAILS");
  return named != nullptr && call == named;
}
int ask(const char* call) { return !ready || fails(call) ? driver_not_loaded : success; }

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the library's names
extern "C" {

int nvmlInit_v2() {
  ready = !fails("init");
  return ready ? success : driver_not_loaded;
}
int nvmlShutdown() {
  ready = false;
  return success;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = cards.size();
  return ask("count");
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= cards.size()) return invalid_argument;
  if (index == 0 && fails("card 0")) return driver_not_loaded;
  *device = &cards.at(index);
  return ask("handle");
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  const auto* c = static_cast<const card*>(device);
  if (std::strlen(c->name) >= length) return insufficient_size;
  std::strcpy(name, c->name);
  return ask("name");
}
int nvmlDeviceGetMemoryInfo(void* device, memory_info* memory) {
  *memory = static_cast<const card*>(device)->memory;
  return ask("memory");
}
#ifndef FAKE_NVML_INCOMPLETE
int nvmlDeviceGetMinorNumber(void* device, unsigned* minor) {
  *minor = static_cast<const card*>(device)->minor;
  return ask("minor");
}
#endif
}
// NOLINTEND(readability-identifier-naming)
