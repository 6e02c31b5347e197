#pragma once
// SIGHUP of loded: all of the new settings that can change live, or none. Private to loded.

#include "config/settings.hpp"
#include "crypto/key_ring.hpp"
#include "http/edge.hpp"

namespace lode::loded {

/// Reads file, environment and flags again as at the start, and says in the log what became of it. `running` becomes
/// what is in force. Also without a change: certificates are read again, and the audit log is opened again. On the main
/// thread; blocks on the disk.
void reload(int argc, const char* const* argv, config::daemon_settings& running, http::edge& edge,
            const crypto::key_board& keys);

}  // namespace lode::loded
