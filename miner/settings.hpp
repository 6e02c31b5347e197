#pragma once
// From settings to the options of the agent's parts.

#include "config/settings.hpp"
#include "messages/error.hpp"
#include "miner/agent.hpp"

namespace lode::miner {

/// config_invalid, naming the setting, for what only the agent can judge: an address, an image list, a port range.
/// `hotkey` is the address of the hotkey in wallet.hotkey-file.
result<agent_options> agent_options_from(const config::agent_settings& s, const std::string& hotkey);

}  // namespace lode::miner
