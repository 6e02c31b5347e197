#include "messages/json_read.hpp"

namespace lode {

std::optional<miner_specs> specs_from(const specs_document& d) {
  const bool named = !d.gpu.details.empty() && !d.gpu.details.front().name.empty();
  if (d.gpu.count > 0 && (!named || d.gpu.capacity <= 0)) return std::nullopt;
  miner_specs s;
  s.cpu_count = d.cpu.count;
  s.gpu_count = d.gpu.count;
  s.gpu_capacity_mib = static_cast<std::int64_t>(d.gpu.capacity);
  if (!d.gpu.details.empty()) s.gpu_name = d.gpu.details.front().name;
  s.ram_total = d.ram.total;
  s.ram_available = d.ram.available;
  s.disk_total = d.hard_disk.total;
  s.disk_free = d.hard_disk.free;
  s.has_docker = d.has_docker;
  return s;
}

specs_document document_of(const miner_specs& s) {
  specs_document d;
  d.cpu.count = s.cpu_count;
  d.gpu.count = s.gpu_count;
  d.gpu.capacity = static_cast<double>(s.gpu_capacity_mib);
  if (!s.gpu_name.empty()) d.gpu.details.push_back({s.gpu_name});
  d.ram.total = s.ram_total;
  d.ram.available = s.ram_available;
  d.hard_disk.total = s.disk_total;
  d.hard_disk.free = s.disk_free;
  d.has_docker = s.has_docker;
  return d;
}

std::optional<miner_specs> parse_specs(const boost::json::value& v) {
  std::vector<field_error> errors;
  const auto document = parse<specs_document>(v, errors);
  return document ? specs_from(*document) : std::nullopt;
}

std::optional<miner_specs> parse_specs_text(std::string_view text) {
  std::size_t offset = 0;
  const auto v = detail::parse_text(text, offset);
  return v ? parse_specs(*v) : std::nullopt;
}

}  // namespace lode
