#pragma once
// boost::json::value by name only: the library's headers are large.

namespace boost::json {
class value;
class object;
}  // namespace boost::json
