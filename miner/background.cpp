#include "miner/background.hpp"

#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

#include <exception>

namespace lode::miner {

namespace {

std::string words(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

void start_task(boost::asio::io_context& io, std::string what, http::task<void> t) {
  boost::asio::co_spawn(io, std::move(t), [what = std::move(what)](const std::exception_ptr& failure) {
    if (!failure) return;
    spdlog::critical("{} ended by an exception: {}", what, words(failure));
    std::rethrow_exception(failure);
  });
}

bool run_all(boost::asio::io_context& io) {
  try {
    io.run();
    return true;
  } catch (...) {
    spdlog::critical("cannot go on: {}", words(std::current_exception()));
    return false;
  }
}

}  // namespace lode::miner
