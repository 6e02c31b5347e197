#include "storage/store.hpp"

#include <utility>

namespace lode::storage {

batch& batch::put(column c, std::string key, std::string value) {
  bytes_ += key.size() + value.size();
  mutations_.push_back({mutation::kind::put, c, std::move(key), std::move(value)});
  return *this;
}

batch& batch::erase(column c, std::string key) {
  bytes_ += key.size();
  mutations_.push_back({mutation::kind::erase, c, std::move(key), {}});
  return *this;
}

batch& batch::append(column c, std::string value, std::string prefix) {
  bytes_ += prefix.size() + value.size();
  mutations_.push_back({mutation::kind::append, c, std::move(prefix), std::move(value)});
  return *this;
}

}  // namespace lode::storage
