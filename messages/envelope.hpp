#pragma once
// The envelopes around every reply, as JSON text. `data` and `err_detail` are JSON texts already; empty: left out.

#include "messages/error.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lode {

/// {"success":true,"message":…,"data":…}
std::string success(std::string_view message, std::string_view data = {});
/// {"success":false,"message":…,"err_detail":…}
std::string failure(std::string_view message, std::string_view err_detail = {});
/// The same with a text as err_detail.
std::string failure_text(std::string_view message, std::string_view detail);
/// The 422 envelope: {"field":…,"message":…} for each error; the field is a number for list elements and byte offsets.
std::string validation_failure(std::span<const field_error> errors);
/// {"success":true,"message":…,"count":n,"data":{"count":n}}: old clients read the count at the top.
std::string count_success(std::string_view message, std::int64_t count);

/// The part of a listing that one reply shows.
struct page_slice {
  std::size_t first = 0;  ///< index of its first item
  std::size_t count = 0;  ///< items on it
  std::int64_t number = 1;
  std::int64_t size = 0;  ///< asked for; of "everything" the total
  std::optional<std::int64_t> next;
};
/// Page `number` (from 1) of `total` items. Without number, or with 0: everything is page 1, whatever the size. Without
/// size, or with 0: 50. A page beyond the end is empty with no next. Negative numbers are the caller's 422.
page_slice slice_page(std::optional<std::int64_t> number, std::optional<std::int64_t> size, std::size_t total);
/// {"page_items":[…],"page_number":n,"page_size":n,"next_page_number":n or null}; `items` is the JSON list of the
/// slice.
std::string page_data(const page_slice& slice, std::string_view items);

}  // namespace lode
