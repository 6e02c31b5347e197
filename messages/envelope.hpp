#pragma once
// The envelopes of the REST contract, as JSON text. `data` and `detail` are JSON themselves; empty leaves the member
// out.

#include "messages/types.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lode {

/// {"success":true,"message":...,"data":...}
std::string success(std::string_view message, std::string_view data = {});
/// {"success":false,"message":...,"err_detail":...}
std::string failure(std::string_view message, std::string_view detail = {});
/// failure with `detail` given as plain text.
std::string failure_text(std::string_view message, std::string_view detail_text);
/// "Validation Error, Please check the request body." with the list of failing fields.
std::string validation_failure(std::span<const field_error> errors);
/// {"success":true,"message":...,"count":n,"data":{"count":n}}
std::string count_success(std::string_view message, std::int64_t count);
/// {"page_items":[...],"page_number":n,"page_size":n,"next_page_number":n|null}; `items` is the JSON list of the page,
/// `total` counts the items of all pages, `shown` those of this one. number unset or 0: everything is page 1 and
/// page_size is the total; size unset or 0: 50.
std::string page(std::string_view items, std::size_t shown, std::size_t total, std::optional<std::int64_t> number,
                 std::optional<std::int64_t> size);

}  // namespace lode
