#include "miner/nvml.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <dlfcn.h>
#include <filesystem>
#include <memory>

namespace lode::miner {

namespace {

// The parts of NVML's stable C interface that we use; its header is not in Debian.
using nvml_device = void*;
struct nvml_memory {
  unsigned long long total, free, used;
};
constexpr int nvml_success = 0;

struct nvml_calls {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, nvml_device*) = nullptr;
  int (*name)(nvml_device, char*, unsigned) = nullptr;
  int (*memory)(nvml_device, nvml_memory*) = nullptr;
  int (*minor)(nvml_device, unsigned*) = nullptr;
};

template <class F>
bool bind(void* library, const char* symbol, F& out) {
  out = reinterpret_cast<F>(dlsym(library, symbol));
  return out != nullptr;
}

bool bind_all(void* library, nvml_calls& c) {
  return bind(library, "nvmlInit_v2", c.init) && bind(library, "nvmlShutdown", c.shutdown) &&
         bind(library, "nvmlDeviceGetCount_v2", c.count) && bind(library, "nvmlDeviceGetHandleByIndex_v2", c.handle) &&
         bind(library, "nvmlDeviceGetName", c.name) && bind(library, "nvmlDeviceGetMemoryInfo", c.memory) &&
         bind(library, "nvmlDeviceGetMinorNumber", c.minor);
}

std::vector<gpu> ask(const nvml_calls& c) {
  std::vector<gpu> out;
  unsigned n = 0;
  if (c.count(&n) != nvml_success) return out;
  for (unsigned i = 0; i < n; ++i) {
    nvml_device device = nullptr;
    std::array<char, 96> name{};
    nvml_memory memory{};
    gpu g;
    if (c.handle(i, &device) != nvml_success || c.name(device, name.data(), name.size()) != nvml_success ||
        c.memory(device, &memory) != nvml_success || c.minor(device, &g.minor) != nvml_success) {
      spdlog::warn("GPU {} does not answer NVML and is left out", i);
      continue;
    }
    g.name = name.data();
    g.memory_bytes = static_cast<std::int64_t>(memory.total);
    out.push_back(std::move(g));
  }
  return out;
}

}  // namespace

std::vector<gpu> find_gpus() {
  struct close_library {
    void operator()(void* handle) const { dlclose(handle); }
  };
  const std::unique_ptr<void, close_library> library{dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)};
  nvml_calls calls;
  if (!library || !bind_all(library.get(), calls) || calls.init() != nvml_success) return {};
  auto out = ask(calls);
  calls.shutdown();
  return out;
}

std::vector<std::string> gpu_device_nodes(const std::vector<gpu>& gpus) {
  std::vector<std::string> wanted;
  if (gpus.empty()) return wanted;
  for (const auto& g : gpus) wanted.push_back(fmt::format("/dev/nvidia{}", g.minor));
  for (const auto* shared : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"}) {
    wanted.emplace_back(shared);
  }
  std::erase_if(wanted, [](const std::string& path) {
    std::error_code ec;
    return !std::filesystem::is_character_file(path, ec);
  });
  return wanted;
}

}  // namespace lode::miner
