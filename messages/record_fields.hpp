#pragma once
// Field tables (see fields.hpp) of what clients do not send: miners' specs and the records of the store.

#include "messages/fields.hpp"
#include "messages/marks_record.hpp"

namespace lode {

template <>
struct fields_of<specs_document::cpu_part> {
  using t = specs_document::cpu_part;
  static constexpr std::string_view name = "Cpu";
  static constexpr std::tuple table{
      field{"count", &t::count, required(between(0, limits::count)), "CPU cores", "16"},
  };
};

template <>
struct fields_of<specs_document::gpu_detail> {
  using t = specs_document::gpu_detail;
  static constexpr std::string_view name = "GpuDetail";
  static constexpr std::tuple table{
      field{"name", &t::name, required(), "as the driver reports it", R"("NVIDIA RTX 4090")"},
  };
};

template <>
struct fields_of<specs_document::gpu_part> {
  using t = specs_document::gpu_part;
  static constexpr std::string_view name = "Gpu";
  static constexpr std::tuple table{
      field{"count", &t::count, required(between(0, limits::count)), "number of GPUs", "1"},
      field{"capacity", &t::capacity, between(0, limits::mebibytes), "memory of all GPUs in MiB", "24564"},
      field{"details", &t::details, any(), "one entry a GPU", R"([{"name":"NVIDIA RTX 4090"}])"},
  };
};

template <>
struct fields_of<specs_document::ram_part> {
  using t = specs_document::ram_part;
  static constexpr std::string_view name = "Ram";
  static constexpr std::tuple table{
      field{"total", &t::total, required(between(0, limits::bytes)), "bytes", "67108864000"},
      field{"available", &t::available, required(between(0, limits::bytes)), "bytes", "60000000000"},
  };
};

template <>
struct fields_of<specs_document::disk_part> {
  using t = specs_document::disk_part;
  static constexpr std::string_view name = "HardDisk";
  static constexpr std::tuple table{
      field{"total", &t::total, required(between(0, limits::bytes)), "bytes", "1000000000000"},
      field{"free", &t::free, required(between(0, limits::bytes)), "bytes", "500000000000"},
  };
};

template <>
struct fields_of<specs_document> {
  using t = specs_document;
  static constexpr std::string_view name = "Specs";
  static constexpr std::tuple table{
      field{"cpu", &t::cpu, required(), "processor", R"({"count":16})"},
      field{"gpu", &t::gpu, required(), "graphics processors", R"({"count":0})"},
      field{"ram", &t::ram, required(), "memory", R"({"total":67108864000,"available":60000000000})"},
      field{"hard_disk", &t::hard_disk, required(), "disk", R"({"total":1000000000000,"free":500000000000})"},
      field{"has_docker", &t::has_docker, any(), "a container engine answers", "true"},
  };
};

template <>
struct fields_of<miner_info> {
  using t = miner_info;
  static constexpr std::string_view name = "MinerInfo";
  static constexpr std::tuple table{
      field{"hotkey", &t::hotkey, required(), "SS58", R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
      field{"ip", &t::ip, required(), "address of the axon", R"("203.0.113.7")"},
      field{"port", &t::port, required(), "port of the axon", "8091"},
      field{"version", &t::version, any(), "version of the axon", "183"},
      field{"specs", &t::specs, any(), "hardware, when known", "null"},
      field{"simulated", &t::simulated, any(), "runs in this process only", "false"},
  };
};

template <>
struct fields_of<allocation_record> {
  using t = allocation_record;
  static constexpr std::string_view name = "AllocationRecord";
  static constexpr std::tuple table{
      field{"hotkey", &t::hotkey, required(), "SS58", R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
      field{"uuid", &t::uuid, required(secret()), "authorises the renter", R"("…")"},
      field{"state", &t::state, required(), "where in its life it is", R"("active")"},
      field{"pending", &t::pending, any(), "action whose effect is not yet known", R"("none")"},
      field{"pending_ssh_key", &t::pending_ssh_key, any(), "key of a pending exchange", R"("")"},
      field{"pending_key_type", &t::pending_key_type, any(), "kind of a pending exchange", R"("user")"},
      field{"offline", &t::offline, any(), "failed its last checks", "false"},
      field{"maybe_paused", &t::maybe_paused, any(), "of releasing: the container may be paused", "false"},
      field{"key", &t::key, any(), "kind of the key pair", R"("rsa2048")"},
      field{"public_key", &t::public_key, any(), "PEM; names us to the miner", R"("…")"},
      field{"private_key", &t::private_key, secret(), "PEM", R"("…")"},
      field{"resource", &t::resource, any(), "GPU name in lower case", R"("nvidia rtx 4090")"},
      field{"device", &t::device, any(), "what was asked of the miner", "{}"},
      field{"docker", &t::docker, any(), "what was asked of the container", "{}"},
      field{"miner_timeline_days", &t::miner_timeline_days, any(), "days that the miner was told", "60"},
      field{"ssh_ip", &t::ssh_ip, any(), "address of the container", R"("203.0.113.7")"},
      field{"ssh_port", &t::ssh_port, any(), "port of the container", "4444"},
      field{"ssh_username", &t::ssh_username, any(), "user in the container", R"("root")"},
      field{"ssh_password", &t::ssh_password, secret(), "password of that user", R"("…")"},
      field{"ssh_key", &t::ssh_key, any(), "the renter's public key", R"("")"},
      field{"miner_version", &t::miner_version, any(), "version of the axon", "183"},
      field{"created_at", &t::created_at, any(), "ms since the epoch", "1795572000000"},
      field{"expires_at", &t::expires_at, any(), "ms since the epoch", "1798164000000"},
      field{"released_at", &t::released_at, any(), "ms since the epoch; 0 while it lives", "0"},
      field{"settle_until", &t::settle_until, any(), "ms; a timed-out register may succeed until then", "0"},
      field{"release_reason", &t::release_reason, any(), "why it is being released", R"("")"},
      field{"warned_at", &t::warned_at, any(), "ms since the epoch; 0 until the renter is warned", "0"},
      field{"simulated", &t::simulated, any(), "of a simulated miner", "false"},
  };
};

template <>
struct fields_of<miner_mark> {
  using t = miner_mark;
  static constexpr std::string_view name = "MinerMark";
  static constexpr std::tuple table{
      field{"mark", &t::mark, required(), "blacklist, cordon, drain or quarantine", R"("cordon")"},
      field{"reason", &t::reason, any(), "why", R"("new driver on Friday")"},
      field{"since", &t::since, required(), "ms since the epoch", "1795572000000"},
      field{"by", &t::by, any(), "who set it", R"("alice")"},
  };
};

template <>
struct fields_of<marks_record> {
  using t = marks_record;
  static constexpr std::string_view name = "MarksRecord";
  static constexpr std::tuple table{
      field{"marks", &t::marks, required(), "at most one of a kind", "[]"},
      field{"drained", &t::drained, any(), "it was said that the drained miner is empty", "false"},
  };
};

template <>
struct fields_of<webhook> {
  using t = webhook;
  static constexpr std::string_view name = "Webhook";
  static constexpr std::tuple table{
      field{"event", &t::event, required(), "what happened", R"("DEALLOCATION")"},
      field{"hotkey", &t::hotkey, required(), "SS58", R"("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX")"},
      field{"uuid", &t::uuid, required(secret()), "of the allocation", R"("…")"},
      field{"at", &t::at, required(), "ms since the epoch; when it happened", "1795572000000"},
      field{"expires_at", &t::expires_at, any(), "ms since the epoch; the end of a lease that is told, else 0", "0"},
      field{"since", &t::since, required(), "ms since the epoch; its age counts from here", "1795572000000"},
      field{"dead", &t::dead, any(), "given up", "false"},
      field{"attempts", &t::attempts, any(), "when it was given up", "0"},
      field{"last_error", &t::last_error, any(), "of the last attempt", R"("")"},
  };
};

}  // namespace lode
