#pragma once
// The field tables: one per value type, one line per field. The same line drives parsing with validation, serialising,
// the store's text and the OpenAPI schema. A new field is a member in types.hpp and a line here. Defaults are those of
// a default-constructed T, so that they exist once.

#include "messages/requests.hpp"
#include "messages/types.hpp"
#include "messages/validation.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace lode {

/// Constraints, to be read as words in the tables.
constexpr constraint any() noexcept { return {}; }
constexpr constraint ge(std::int64_t low) noexcept { return {.ge = low, .le = {}}; }
constexpr constraint between(std::int64_t low, std::int64_t high) noexcept { return {.ge = low, .le = high}; }
constexpr constraint required(constraint c = {}) noexcept {
  c.required = true;
  return c;
}
constexpr constraint secret(constraint c = {}) noexcept {
  c.secret = true;
  return c;
}

/// One line of a table.
template <class T, class V>
struct field {
  using owner = T;
  using value_type = V;

  std::string_view name;
  V T::*member;
  constraint check;
  std::string_view doc;
  std::string_view example;  ///< as JSON text
};
// clang 14 (tidy, fuzzing) does not deduce this from the members, as C++20 says.
template <class T, class V>
field(std::string_view, V T::*, constraint, std::string_view, std::string_view) -> field<T, V>;

/// The table of T: `name` for schemas and errors, and `table`, a tuple of fields.
template <class T>
struct fields_of;

template <class T>
concept described = requires {
  fields_of<T>::table;
};

/// Calls f(field) for every field of T, in the order of the table. A field's default is its member of a T{}.
template <described T, class F>
constexpr void for_each_field(F&& f) {
  std::apply([&f](const auto&... each) { (f(each), ...); }, fields_of<T>::table);
}

namespace limits {
// Far beyond any machine, far below where sums and products of 64 bits would overflow.
inline constexpr std::int64_t count = 1'000'000;
inline constexpr std::int64_t gigabytes = 1'000'000'000;
inline constexpr std::int64_t bytes = std::int64_t{1} << 60U;
inline constexpr std::int64_t mebibytes = std::int64_t{1} << 40U;
inline constexpr std::int64_t days = 36'500;
}  // namespace limits

template <>
struct fields_of<device_requirement> {
  using t = device_requirement;
  static constexpr std::string_view name = "DeviceRequirement";
  static constexpr std::tuple table{
      field{"cpu_count", &t::cpu_count, between(0, limits::count), "CPU cores", "4"},
      field{"gpu_type", &t::gpu_type, any(), R"(part of the GPU's name; "gpu" any, "" none)", R"("rtx 4090")"},
      field{"gpu_size", &t::gpu_size, between(0, limits::gigabytes), "GPU memory in GB; 0 sets no GPU condition", "24"},
      field{"gpu_count", &t::gpu_count, between(0, limits::count), "number of GPUs", "1"},
      field{"ram", &t::ram, between(0, limits::gigabytes), "available RAM in GiB", "8"},
      field{"hard_disk", &t::hard_disk, between(0, limits::gigabytes), "free disk in GiB", "50"},
      field{"timeline", &t::timeline, between(1, limits::days), "length of the lease in days", "30"},
  };
};

template <>
struct fields_of<docker_requirement> {
  using t = docker_requirement;
  static constexpr std::string_view name = "DockerRequirement";
  static constexpr std::tuple table{
      field{"base_image", &t::base_image, any(), "image of the container, by name", R"("ubuntu")"},
      field{"ssh_key", &t::ssh_key, any(), "one OpenSSH public key line, or empty",
            R"("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@host")"},
      field{"volume_path", &t::volume_path, any(), "where the volume appears in the container", R"("/tmp")"},
      field{"dockerfile", &t::dockerfile, any(), "lines appended to the image's recipe", R"("RUN apt-get update")"},
  };
};

template <>
struct fields_of<allocate_spec_body> {
  using t = allocate_spec_body;
  static constexpr std::string_view name = "AllocateSpec";
  static constexpr std::tuple table{
      field{"requirements", &t::requirements, required(), "what is asked of the miner", "{}"},
      field{"docker_requirement", &t::docker, required(), "what is asked of the container", "{}"},
  };
};

template <>
struct fields_of<allocation> {
  using t = allocation;
  static constexpr std::string_view name = "Allocation";
  static constexpr std::tuple table{
      field{"resource", &t::resource, any(), "GPU name in lower case", R"("nvidia rtx 4090")"},
      field{"hotkey", &t::hotkey, any(), "SS58 address of the miner",
            R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
      field{"regkey", &t::regkey, any(), "always empty", R"("")"},
      field{"ssh_ip", &t::ssh_ip, any(), "address to connect to", R"("203.0.113.7")"},
      field{"ssh_port", &t::ssh_port, ge(0), "port to connect to", "4444"},
      field{"ssh_username", &t::ssh_username, any(), "user in the container", R"("root")"},
      field{"ssh_password", &t::ssh_password, secret(), "password of that user", R"("…")"},
      field{"ssh_command", &t::ssh_command, any(), "command that connects", R"("ssh root@203.0.113.7 -p 4444")"},
      field{"ssh_key", &t::ssh_key, any(), "public key that may log in", R"("ssh-ed25519 AAAA… me@host")"},
      field{"uuid_key", &t::uuid_key, secret(), "authorises the renter's later calls", R"("…")"},
      field{"miner_version", &t::miner_version, any(), "version of the miner's axon", "183"},
      field{"state", &t::state, any(), "reserving, active, paused or releasing", R"("active")"},
      field{"created_at", &t::created_at, any(), "RFC 3339, UTC", R"("2026-11-25T02:00:00Z")"},
      field{"expires_at", &t::expires_at, any(), "end of the lease; RFC 3339, UTC", R"("2026-12-25T02:00:00Z")"},
  };
};

template <>
struct fields_of<resource> {
  using t = resource;
  static constexpr std::string_view name = "Resource";
  static constexpr std::tuple table{
      field{"hotkey", &t::hotkey, any(), "SS58 address of the miner",
            R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
      field{"cpu_count", &t::cpu_count, ge(0), "CPU cores", "16"},
      field{"gpu_name", &t::gpu_name, any(), "GPU name in lower case", R"("nvidia rtx 4090")"},
      field{"gpu_capacity", &t::gpu_capacity, ge(0), "GPU memory in GB", "23.99"},
      field{"gpu_count", &t::gpu_count, ge(0), "number of GPUs", "1"},
      field{"ram", &t::ram, ge(0), "RAM in GiB", "62.5"},
      field{"hard_disk", &t::hard_disk, ge(0), "free disk in GiB", "512.0"},
      field{"allocate_status", &t::allocate_status, any(), "available or reserved", R"("available")"},
  };
};

template <>
struct fields_of<resource_query> {
  using t = resource_query;
  static constexpr std::string_view name = "ResourceQuery";
  static constexpr std::tuple table{
      field{"gpu_name", &t::gpu_name, any(), "part of the GPU's name, in any case", R"("4090")"},
      field{"cpu_count_min", &t::cpu_count_min, ge(0), "fewest CPU cores", "4"},
      field{"cpu_count_max", &t::cpu_count_max, ge(0), "most CPU cores", "64"},
      field{"gpu_capacity_min", &t::gpu_capacity_min, ge(0), "least GPU memory in GB", "16.0"},
      field{"gpu_capacity_max", &t::gpu_capacity_max, ge(0), "most GPU memory in GB", "80.0"},
      field{"hard_disk_total_min", &t::hard_disk_total_min, ge(0), "least disk in GiB", "100.0"},
      field{"hard_disk_total_max", &t::hard_disk_total_max, ge(0), "most disk in GiB", "2000.0"},
      field{"ram_total_min", &t::ram_total_min, ge(0), "least RAM in GiB", "16.0"},
      field{"ram_total_max", &t::ram_total_max, ge(0), "most RAM in GiB", "512.0"},
  };
};

}  // namespace lode
