#pragma once
// What a program tells systemd about itself (sd_notify(3)).

#include <string_view>

namespace lode::config {

/// Sends `state`, as "READY=1", to the socket that NOTIFY_SOCKET names; does nothing where that is not set. Never
/// waits, and whether it arrived makes no difference to us. Any thread, while nobody changes the environment.
void tell_service_manager(std::string_view state) noexcept;

}  // namespace lode::config
