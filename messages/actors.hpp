#pragma once
// Every typed actor interface and every message between actors, one line each. Nothing here leaves the process (nodes
// talk HTTP), so messages need neither inspection nor type ids; handles may be members of messages.
//
// A reply is the type after `with` or a caf::error made from lode::error (caf_error.hpp).

#include "messages/kept_reply.hpp"
#include "messages/miner_call.hpp"
#include "messages/types.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lode {

// ---------------------------------------------------------------------------------------------------------------------
// Vocabulary

/// Travels with every request: past the deadline nothing more is started on its behalf, and what was started is undone.
struct request_context {
  std::string request_id;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::shared_ptr<const idempotency_claim> claim = {};  ///< of an allocate call under an idempotency key
  std::string caller = {};  ///< who asks: name of an API key or subject of a client certificate; empty: anybody
};

/// "It is done", where there is nothing more to say.
struct done {};

/// A record as the store holds it, with the revision that the next write must name.
struct stored_allocation {
  allocation_record record;
  std::uint64_t revision = 0;
};

/// One line of the durable event log.
struct logged_event {
  std::uint64_t seq = 0;
  std::string type;     ///< "allocation", "miner", "job"
  std::string payload;  ///< JSON object, "time" first; an allocation's see allocation_event()
};

/// Which part of a listing is asked for.
struct page_request {
  std::optional<std::int64_t> number;  ///< unset or 0: everything is page 1
  std::optional<std::int64_t> size;    ///< unset or 0: 50; ignored without number
};

// ---------------------------------------------------------------------------------------------------------------------
// registry: what the HTTP edge may ask

/// Rent any miner that meets the requirement.
struct allocate_spec {
  device_requirement device;
  docker_requirement docker;
  request_context ctx;
};
/// Rent this miner.
struct allocate_hotkey {
  std::string hotkey;
  docker_requirement docker;
  request_context ctx;
};
/// The same under the idempotency key of its context, which must be set: at most one allocation comes of it.
struct allocate_once {
  std::variant<allocate_spec, allocate_hotkey> call;
};
struct once_reply {
  std::string data;       ///< secret; the allocation as JSON
  bool replayed = false;  ///< it is the outcome of an earlier call
};
/// End a lease. Answers when the miner confirmed, or after the bounded tries (the release then goes on by itself).
struct deallocate {
  std::string hotkey;
  std::string uuid;
  bool notify = false;
  request_context ctx;
};
/// Restart, pause, unpause or exchange the key of a rented container.
struct docker_action {
  pending_action action = pending_action::none;
  std::string hotkey;
  std::string uuid;
  std::string ssh_key;   ///< of exchange_key
  std::string key_type;  ///< of exchange_key: "user" or "terminal"
  request_context ctx;
};
/// Prolong a lease by whole days.
struct extend_lease {
  std::string hotkey;
  std::string uuid;
  std::int64_t days = 0;
  request_context ctx;
  std::string barred = {};  ///< set by the registry: why no lease of this miner is made longer; empty: it may be
};
/// Look at an allocation now as its renter would, and say what was found.
struct check_port {
  std::string hotkey;
  std::string uuid;
  request_context ctx;
};
struct port_report {
  std::string hotkey;
  std::string ssh_ip;
  std::int64_t ssh_port = 0;
  ssh_state port = ssh_state::unknown;
  bool reachable = false;         ///< the axon answered the last call
  std::optional<bool> healthy{};  ///< unset before the first check
  bool eligible = false;          ///< the miner would be offered if it were free
  std::int64_t misses = 0;        ///< checks failed in a row
  unix_ms checked_at = 0;
};
/// Ask the axons of these hotkeys, concurrently.
struct check_status {
  std::vector<std::string> hotkeys;
  bool query_version = false;  ///< answer the axon's version and ask nobody
  request_context ctx;
};
struct hotkey_status {
  std::string hotkey;
  std::string status;  ///< "Docker ONLINE", "Docker OFFLINE", "Miner NO_RESPONSE", "Not Found", "Unknown"
  std::optional<std::int64_t> version;  ///< set instead of status for query_version of a known hotkey
};
struct hotkey_status_list {
  std::vector<hotkey_status> items;  ///< in the order asked, duplicates kept
};
/// Acknowledged allocations (active and paused), by hotkey.
struct list_allocations {
  page_request page;
};
struct allocation_list {
  std::vector<allocation> items;  ///< of the page
  std::size_t total = 0;          ///< of all pages
};
/// Miners with specs that match the query, by hotkey.
struct list_resources {
  resource_query query;
  page_request page;
};
struct resource_list {
  std::vector<resource> items;  ///< of the page
  std::size_t total = 0;        ///< matching, of all pages
  std::size_t available = 0;    ///< matching
  std::size_t reserved = 0;     ///< matching
  std::size_t known = 0;        ///< miners with specs, whether they match or not
};
/// How many known miners have this GPU and as many CPUs, else as much memory (POST /list/count_all_by_model).
struct count_by_model {
  std::string model;  ///< the name of the GPU, in any case
  std::optional<std::int64_t> cpu_count{};
  std::optional<double> ram_size{};  ///< GiB, compared with the miner's rounded up; not looked at beside cpu_count
};
struct model_count {
  std::int64_t count = 0;
};
/// Every miner, known or with marks or a slot that is taken, by hotkey.
struct list_miners {
  std::optional<std::string> hotkey{};  ///< this one only
  page_request page;
};
struct miner_status {
  miner_info info;
  bool known = false;             ///< in the metagraph
  bool reachable = false;         ///< its axon answered the last call
  std::optional<bool> healthy{};  ///< of its live allocation; unset without one or before its first check
  bool eligible = false;          ///< would be offered if its slot were free
  bool busy = false;              ///< its slot is taken
  std::string state;              ///< of its live allocation; empty without one
  std::vector<miner_mark> marks;
};
struct miner_status_list {
  std::vector<miner_status> items;  ///< of the page
  std::size_t total = 0;            ///< of all pages
};
/// Put a mark on a miner, or replace the reason of one that is there. Durable before it answers.
struct mark_miner {
  std::string hotkey;
  mark_kind mark = mark_kind::cordon;
  std::string reason;
  request_context ctx;
};
struct unmark_miner {
  std::string hotkey;
  mark_kind mark = mark_kind::cordon;
  request_context ctx;
};
/// Which miners an allocate_spec would try, in which order, and why not the others. Changes nothing.
struct explain_placement {
  device_requirement device;
  std::optional<std::string> hotkey{};  ///< this one only
  page_request page;
};
struct explained_miner {
  std::string hotkey;
  bool fits = false;                   ///< its hardware meets the requirement, free or not
  std::optional<std::int64_t> rank{};  ///< 1: tried first; unset when it would not be tried
  std::vector<std::string> reasons;    ///< why it would not be tried, or not sooner; for people
};
struct explained_list {
  std::vector<explained_miner> items;  ///< of the page; by rank, then by hotkey
  std::size_t total = 0;               ///< of all pages
};
struct get_readiness {};
struct readiness {
  bool ready = false;
  bool store_ok = false;
  bool recovered = false;              ///< every stored allocation has its actor again
  std::vector<std::string> set_aside;  ///< hotkeys whose actors kept crashing
  std::size_t miners = 0;
  std::size_t allocations = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// registry: what its children and jobs tell it

/// The metagraph as of now; hotkeys that are missing have left it. Of one that is not complete that is so for simulated
/// miners only.
struct metagraph_snapshot {
  std::vector<miner_info> miners;
  bool complete = true;
};
/// Where a miner's slot is. Sent by the miner at each transition and at no other time.
struct slot_update {
  enum class slot : std::uint8_t { free, busy };
  std::string hotkey;
  slot now = slot::free;
  std::optional<allocation> view;  ///< set while an acknowledged allocation is live
  std::optional<bool> healthy{};   ///< of that allocation; unset before its first check
};
/// Whether the miner's axon answered the last call.
struct reachability_update {
  std::string hotkey;
  bool reachable = false;
};
/// The miner's hardware, learned from the miner itself.
struct specs_update {
  std::string hotkey;
  miner_specs specs;
};
/// End all children, answer when none is left.
struct stop_all {};

// ---------------------------------------------------------------------------------------------------------------------
// miner and allocation

/// Make an allocation on this miner now, or fail without leaving a container behind.
struct place {
  device_requirement device;
  docker_requirement docker;
  std::int64_t lease_days = 0;
  std::int64_t told_days = 0;  ///< the timeline sent to the miner
  int check_tries = 1;
  std::chrono::milliseconds register_timeout{100000};
  request_context ctx;
};
/// Ask the axon whether its slot is free, for check_status.
struct probe {
  request_context ctx;
};
/// Look after the allocation as a renter would; answered when the look is over.
struct check_health {};
/// The metagraph has a new address, version or specs for this miner.
struct miner_changed {
  miner_info info;
};
/// The hotkey left the metagraph.
struct miner_left {};
/// From the allocation to its miner at every change that concerns the slot.
struct allocation_changed {
  bool gone = false;               ///< nothing is left; the slot is free
  std::optional<allocation> view;  ///< as in slot_update
  std::optional<bool> healthy{};   ///< as in slot_update
};
/// Show me the SSH banner at this address.
struct ssh_check {
  std::string ip;
  std::uint16_t port = 0;
};
struct ssh_answer {
  ssh_state state = ssh_state::unknown;
};
/// A call came back from the link (internal to the miner actor).
struct link_answer {
  call_lane lane = call_lane::api;
  miner_reply reply;
};
struct link_ssh_answer {
  std::uint64_t id = 0;
  ssh_state state = ssh_state::unknown;
};
/// A miner's actor is to be started again after a crash (internal to the registry).
struct restart_due {
  std::string hotkey;
};
/// A miner's allocation actor crashed for the count-th time in a row; 0: it has settled.
struct crash_report {
  std::string hotkey;
  std::uint32_t count = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// ledger, event_hub, key_forge, lease_wheel

/// One durable state change of one allocation with its event, all or nothing.
struct commit_allocation {
  allocation_record record;
  bool erase = false;          ///< the record goes; `record` names it in the event
  std::uint64_t expected = 0;  ///< revision it was read or last written at; 0: there must be none
  std::string event;           ///< what happened: "reserved", "allocated", "paused", ...
  std::string reason;
  unix_ms at = 0;
  std::vector<webhook> webhooks = {};  ///< promised by this change; durable with it
  /// Kept with this change, both or neither; a conflict when one is kept under its key already.
  std::optional<kept_reply> reply = {};
};
struct committed {
  std::uint64_t revision = 0;
};
/// The reply kept under this key, if any, behind every commit that was sent before.
struct load_reply {
  std::string key;
};
/// Which replies are kept: those whose keys sort after `after`, without their data.
struct load_reply_index {
  std::string after;
  std::size_t limit = 1000;
};
struct kept_replies {
  std::vector<kept_reply> items;  ///< by key
};
struct drop_replies {
  std::vector<std::string> keys;
};
/// An event that comes with no record: durable, in the log and told to listeners, or an error. `committed::revision` is
/// its seq. bad_request when it is not an event (event_codec.hpp).
struct commit_event {
  std::string type;     ///< lower-case letters: "miner", "job"
  std::string payload;  ///< text of a JSON object without "time", which is added; holds no secret
  unix_ms at = 0;
};
/// Small records beside the allocations.
enum class row_kind : std::uint8_t {
  miner_marks,  ///< by hotkey
  api_key,      ///< by id
};
/// One durable change of such a record with its event, all or nothing.
struct commit_row {
  row_kind kind = row_kind::miner_marks;
  std::string key;    ///< printable, without '/'
  std::string value;  ///< as load_rows gives it back; stored as it is, so it holds no secret in the clear
  bool erase = false;
  std::string event_type{};  ///< as commit_event; empty: no event
  std::string event_payload{};
  unix_ms at = 0;
};
struct load_rows {
  row_kind kind = row_kind::miner_marks;
};
struct stored_rows {
  struct row {
    std::string key, value;
  };
  std::vector<row> items;  ///< by key
};
/// The record of one hotkey, if any.
struct load_allocation {
  std::string hotkey;
};
struct maybe_stored {
  std::optional<stored_allocation> stored;
};
/// Every record, for recovery.
struct load_allocations {};
struct stored_allocations {
  std::vector<stored_allocation> items;
};
/// Remember the miners that are not simulated, for a start without a metagraph.
struct save_miners {
  std::vector<miner_info> changed;
  std::vector<std::string> left;
};
struct load_miners {};
struct stored_miners {
  std::vector<miner_info> items;
};
/// Events after `seq`, oldest first.
struct read_events {
  std::uint64_t after = 0;
  std::size_t limit = 1000;
};
struct event_batch {
  std::vector<logged_event> items;
  std::uint64_t dropped = 0;  ///< of an answer to read_events: events up to this seq are no longer kept
  std::uint64_t head = 0;     ///< of an answer to read_events: no event has a higher seq yet
};
/// Drop the oldest events until the rest is within all bounds.
struct trim_events {
  std::size_t keep = SIZE_MAX;
  std::size_t bytes = SIZE_MAX;  ///< of keys and values
  unix_ms before = 0;            ///< what happened before this goes
};
/// Commit what has been collected (internal to the ledger).
struct flush {};

// ---------------------------------------------------------------------------------------------------------------------
// outbox

/// A webhook under its key in the outbox column; keys sort in the order of the commits.
struct stored_webhook {
  std::string key;
  webhook hook;
};
struct webhook_batch {
  std::vector<stored_webhook> items;  ///< by key
};
/// Everything in the outbox column; what is committed later goes to `sink` (the outbox, once).
using webhook_sink = caf::typed_actor<caf::reacts_to<webhook_batch>>;
struct load_webhooks {
  webhook_sink sink;
};
/// Forget the settled ones and put the changed ones, in one commit.
struct save_webhooks {
  std::vector<std::string> settled;
  std::vector<stored_webhook> changed;
};
/// How an allocation was found at a check that changed nothing. Not durable: dropped before anything else is.
struct webhook_heartbeat {
  webhook hook;
};
/// Send one webhook now, beside the queue.
struct test_notify {
  webhook hook;
  request_context ctx;
};
struct notify_outcome {
  bool acknowledged = false;
  std::string detail;  ///< why not; holds no secret
};
/// What waits in the outbox and what was given up, oldest first.
struct list_notifications {
  std::optional<bool> dead;
  page_request page;
};
struct notification {
  std::string id;
  std::string event;
  std::string hotkey;
  std::string uuid_end;  ///< its last four characters
  std::string url_kind;  ///< "deallocation", "status"
  std::int64_t attempts = 0;
  unix_ms created_at = 0;
  unix_ms next_at = 0;  ///< 0: there is none
  std::string last_error;
  bool dead = false;
};
struct notification_list {
  std::vector<notification> items;  ///< of the page
  std::size_t total = 0;            ///< of all pages
};
/// Queue a dead one again, or try a waiting one now; without an id all dead ones.
struct resend_notifications {
  std::optional<std::string> id;
};
struct resent_notifications {
  std::size_t count = 0;
};
/// What became of a delivery (internal to the outbox).
struct webhook_answer {
  std::uint64_t delivery = 0;
  notify_outcome outcome;
};

/// Hear of every event after `after`, first those of the log, then live ones. The sink must take events as fast as it
/// acknowledges: one that leaves more than the hub's bound unacknowledged is unsubscribed and told so.
using event_sink = caf::typed_actor<caf::reacts_to<event_batch>>;
struct subscribe {
  event_sink sink;
  std::uint64_t after = 0;
};
/// Send every committed event to this sink (the hub, to the ledger, once).
struct publish_to {
  event_sink sink;
};
/// The subscriber has handled events up to and with `seq`.
struct event_ack {
  caf::actor_addr sink;
  std::uint64_t seq = 0;
};

/// A fresh key pair, from the pool.
struct forge_key {
  key_kind kind = key_kind::rsa2048;
};
struct forged_key {
  std::string public_pem;
  std::string private_pem;
};
/// Decrypt a miner's answer to a register.
struct open_info {
  std::string private_pem;
  std::string info;
};
struct opened_info {
  std::string plain;
};
/// Make one more RSA key (from the forge to its maker).
struct make_rsa_key {};

/// A deadline armed with the wheel is reached.
struct deadline_reached {
  std::uint32_t slot = 0;        ///< as armed
  std::uint64_t generation = 0;  ///< as armed; the target ignores stale ones
};
using deadline_sink = caf::typed_actor<caf::reacts_to<deadline_reached>>;
/// Send deadline_reached to the target once `due` has come. A target has one deadline at a time per slot number.
struct arm {
  deadline_sink target;
  std::uint32_t slot = 0;
  unix_ms due = 0;
  std::uint64_t generation = 0;
};
struct disarm {
  caf::actor_addr target;
  std::uint32_t slot = 0;
};
/// Time passes (internal to whoever keeps a clock).
struct tick {};

// ---------------------------------------------------------------------------------------------------------------------
// Interfaces: one message a line, with its comment

// clang-format off
using ledger_actor = caf::typed_actor<
    caf::replies_to<commit_allocation>::with<committed>,          // durable before it answers; conflict, store_io
    caf::replies_to<commit_event>::with<committed>,               // durable before it answers; bad_request, store_io
    caf::replies_to<commit_row>::with<committed>,                 // durable before it answers; bad_request, store_io
    caf::replies_to<load_rows>::with<stored_rows>,                // all of a kind
    caf::replies_to<load_allocation>::with<maybe_stored>,         // one record, unsealed
    caf::replies_to<load_allocations>::with<stored_allocations>,  // all records, unsealed
    caf::replies_to<save_miners>::with<done>,                     // remember the metagraph
    caf::replies_to<load_miners>::with<stored_miners>,            // as last remembered
    caf::replies_to<read_events>::with<event_batch>,              // the log
    caf::replies_to<trim_events>::with<done>,                     // bound the log
    caf::replies_to<load_webhooks>::with<webhook_batch>,          // from the outbox
    caf::replies_to<save_webhooks>::with<done>,                   // from the outbox
    caf::replies_to<load_reply>::with<kept_replies>,              // one or none
    caf::replies_to<load_reply_index>::with<kept_replies>,        // a page of them
    caf::replies_to<drop_replies>::with<done>,                    // from idempotency
    caf::reacts_to<publish_to>,                                   // from the hub
    caf::reacts_to<flush>>;                                       // to itself

using idempotency_actor = caf::typed_actor<
    caf::replies_to<allocate_once>::with<once_reply>,  // validation: other request; else as registry
    caf::reacts_to<deadline_reached>>;                 // keys that expire, calls that waited long enough

using event_hub_actor = caf::typed_actor<
    caf::reacts_to<event_batch>,             // the ledger committed these
    caf::replies_to<subscribe>::with<done>,  // events from there on
    caf::reacts_to<event_ack>,               // a subscriber keeps up
    caf::reacts_to<tick>>;                   // to itself: trim the log

using outbox_actor = caf::typed_actor<
    caf::reacts_to<webhook_batch>,                                        // the ledger committed these
    caf::reacts_to<webhook_heartbeat>,                                    // from an allocation
    caf::replies_to<test_notify>::with<notify_outcome>,                   // overloaded
    caf::replies_to<list_notifications>::with<notification_list>,         // not_ready until the column is read
    caf::replies_to<resend_notifications>::with<resent_notifications>,    // durable before it answers; not_found
    caf::reacts_to<webhook_answer>,                                       // from the sender
    caf::reacts_to<deadline_reached>>;                                    // the next attempt

using key_forge_actor = caf::typed_actor<
    caf::replies_to<forge_key>::with<forged_key>,   // overloaded when too many wait
    caf::replies_to<open_info>::with<opened_info>>; // miner_nonsense when it does not decrypt

using rsa_maker_actor = caf::typed_actor<
    caf::replies_to<make_rsa_key>::with<forged_key>>;  // takes 30 to 300 ms of its own thread

using lease_wheel_actor = caf::typed_actor<
    caf::reacts_to<arm>,     // replaces the target's deadline in that slot
    caf::reacts_to<disarm>,  // forget it
    caf::reacts_to<tick>>;   // to itself

using allocation_actor = caf::typed_actor<
    caf::replies_to<place>::with<allocation>,   // once, as its first message
    caf::replies_to<deallocate>::with<done>,    // see registry
    caf::replies_to<docker_action>::with<done>, // see registry
    caf::replies_to<extend_lease>::with<allocation>, // see registry
    caf::replies_to<check_port>::with<port_report>,  // see registry; `eligible` is not its to know
    caf::replies_to<check_health>::with<done>,  // from the miner
    caf::reacts_to<miner_changed>,              // the miner's address as of now
    caf::reacts_to<miner_left>,                 // stop waiting for the miner
    caf::reacts_to<deadline_reached>>;          // lease end, retries

using miner_actor = caf::typed_actor<
    caf::replies_to<place>::with<allocation>,       // busy when the slot is taken
    caf::replies_to<deallocate>::with<done>,        // no_allocation, wrong_uuid
    caf::replies_to<docker_action>::with<done>,     // no_allocation, wrong_uuid, or what the call came to
    caf::replies_to<extend_lease>::with<allocation>, // no_allocation, wrong_uuid, wrong_state, bad_request
    caf::replies_to<check_port>::with<port_report>,  // no_allocation, wrong_uuid, wrong_state
    caf::replies_to<probe>::with<hotkey_status>,    // one answer for check_status
    caf::replies_to<check_health>::with<done>,      // passes it to the allocation, if any
    caf::replies_to<miner_call>::with<miner_reply>, // of its allocation: in turn on the lane; never an error but overloaded
    caf::replies_to<ssh_check>::with<ssh_answer>,   // of its allocation
    caf::reacts_to<miner_changed>,                  // from the registry
    caf::reacts_to<miner_left>,                     // from the registry
    caf::reacts_to<allocation_changed>,             // from its allocation
    caf::reacts_to<link_answer>,                    // from the link
    caf::reacts_to<link_ssh_answer>,                // from the link
    caf::reacts_to<deadline_reached>>;              // restart of the allocation, another try for specs

using registry_actor = caf::typed_actor<
    caf::replies_to<allocate_spec>::with<allocation>,         // no_candidate
    caf::replies_to<allocate_hotkey>::with<allocation>,       // unknown_hotkey, blacklisted, busy, miner_*
    caf::replies_to<deallocate>::with<done>,                  // no_allocation, wrong_uuid
    caf::replies_to<docker_action>::with<done>,               // no_allocation, wrong_uuid, miner_*
    caf::replies_to<extend_lease>::with<allocation>,          // no_allocation, wrong_uuid, wrong_state, bad_request
    caf::replies_to<check_port>::with<port_report>,           // no_allocation, wrong_uuid, wrong_state
    caf::replies_to<count_by_model>::with<model_count>,             // from memory
    caf::replies_to<list_miners>::with<miner_status_list>,    // from memory
    caf::replies_to<mark_miner>::with<done>,                  // unknown_hotkey, bad_request, overloaded, store_io
    caf::replies_to<unmark_miner>::with<done>,                // not_found, store_io
    caf::replies_to<explain_placement>::with<explained_list>, // from memory
    caf::replies_to<check_status>::with<hotkey_status_list>,  // always answers, per hotkey
    caf::replies_to<list_allocations>::with<allocation_list>, // from memory
    caf::replies_to<list_resources>::with<resource_list>,     // from memory
    caf::replies_to<get_readiness>::with<readiness>,          // for /readyz
    caf::replies_to<check_health>::with<done>,                // one round over all allocations, paced
    caf::reacts_to<metagraph_snapshot>,                       // from metagraph_refresh
    caf::reacts_to<slot_update>,                              // from a miner
    caf::reacts_to<reachability_update>,                      // from a miner
    caf::reacts_to<specs_update>,                             // from a miner
    caf::reacts_to<crash_report>,                             // from a miner
    caf::reacts_to<restart_due>,                              // to itself
    caf::reacts_to<deadline_reached>,                         // ends of quarantines
    caf::replies_to<stop_all>::with<done>>;                   // from main

using job_actor = caf::typed_actor<caf::reacts_to<tick>>;
// clang-format on

}  // namespace lode

// In-process messages only: no inspection, no type ids.
#define LODE_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lode::name)
LODE_LOCAL_MESSAGE(done)
LODE_LOCAL_MESSAGE(allocation)
LODE_LOCAL_MESSAGE(allocate_spec)
LODE_LOCAL_MESSAGE(allocate_hotkey)
LODE_LOCAL_MESSAGE(deallocate)
LODE_LOCAL_MESSAGE(docker_action)
LODE_LOCAL_MESSAGE(extend_lease)
LODE_LOCAL_MESSAGE(check_port)
LODE_LOCAL_MESSAGE(port_report)
LODE_LOCAL_MESSAGE(count_by_model)
LODE_LOCAL_MESSAGE(model_count)
LODE_LOCAL_MESSAGE(list_miners)
LODE_LOCAL_MESSAGE(miner_status_list)
LODE_LOCAL_MESSAGE(mark_miner)
LODE_LOCAL_MESSAGE(unmark_miner)
LODE_LOCAL_MESSAGE(explain_placement)
LODE_LOCAL_MESSAGE(explained_list)
LODE_LOCAL_MESSAGE(commit_row)
LODE_LOCAL_MESSAGE(load_rows)
LODE_LOCAL_MESSAGE(stored_rows)
LODE_LOCAL_MESSAGE(check_status)
LODE_LOCAL_MESSAGE(hotkey_status)
LODE_LOCAL_MESSAGE(hotkey_status_list)
LODE_LOCAL_MESSAGE(list_allocations)
LODE_LOCAL_MESSAGE(allocation_list)
LODE_LOCAL_MESSAGE(list_resources)
LODE_LOCAL_MESSAGE(resource_list)
LODE_LOCAL_MESSAGE(get_readiness)
LODE_LOCAL_MESSAGE(readiness)
LODE_LOCAL_MESSAGE(metagraph_snapshot)
LODE_LOCAL_MESSAGE(slot_update)
LODE_LOCAL_MESSAGE(reachability_update)
LODE_LOCAL_MESSAGE(specs_update)
LODE_LOCAL_MESSAGE(stop_all)
LODE_LOCAL_MESSAGE(place)
LODE_LOCAL_MESSAGE(probe)
LODE_LOCAL_MESSAGE(check_health)
LODE_LOCAL_MESSAGE(miner_changed)
LODE_LOCAL_MESSAGE(miner_left)
LODE_LOCAL_MESSAGE(allocation_changed)
LODE_LOCAL_MESSAGE(ssh_check)
LODE_LOCAL_MESSAGE(ssh_answer)
LODE_LOCAL_MESSAGE(link_answer)
LODE_LOCAL_MESSAGE(link_ssh_answer)
LODE_LOCAL_MESSAGE(restart_due)
LODE_LOCAL_MESSAGE(crash_report)
LODE_LOCAL_MESSAGE(miner_call)
LODE_LOCAL_MESSAGE(miner_reply)
LODE_LOCAL_MESSAGE(commit_allocation)
LODE_LOCAL_MESSAGE(committed)
LODE_LOCAL_MESSAGE(load_reply)
LODE_LOCAL_MESSAGE(load_reply_index)
LODE_LOCAL_MESSAGE(kept_replies)
LODE_LOCAL_MESSAGE(drop_replies)
LODE_LOCAL_MESSAGE(allocate_once)
LODE_LOCAL_MESSAGE(once_reply)
LODE_LOCAL_MESSAGE(commit_event)
LODE_LOCAL_MESSAGE(load_allocation)
LODE_LOCAL_MESSAGE(maybe_stored)
LODE_LOCAL_MESSAGE(load_allocations)
LODE_LOCAL_MESSAGE(stored_allocations)
LODE_LOCAL_MESSAGE(save_miners)
LODE_LOCAL_MESSAGE(load_miners)
LODE_LOCAL_MESSAGE(stored_miners)
LODE_LOCAL_MESSAGE(read_events)
LODE_LOCAL_MESSAGE(event_batch)
LODE_LOCAL_MESSAGE(trim_events)
LODE_LOCAL_MESSAGE(flush)
LODE_LOCAL_MESSAGE(webhook_batch)
LODE_LOCAL_MESSAGE(load_webhooks)
LODE_LOCAL_MESSAGE(save_webhooks)
LODE_LOCAL_MESSAGE(webhook_heartbeat)
LODE_LOCAL_MESSAGE(test_notify)
LODE_LOCAL_MESSAGE(notify_outcome)
LODE_LOCAL_MESSAGE(list_notifications)
LODE_LOCAL_MESSAGE(notification_list)
LODE_LOCAL_MESSAGE(resend_notifications)
LODE_LOCAL_MESSAGE(resent_notifications)
LODE_LOCAL_MESSAGE(webhook_answer)
LODE_LOCAL_MESSAGE(subscribe)
LODE_LOCAL_MESSAGE(publish_to)
LODE_LOCAL_MESSAGE(event_ack)
LODE_LOCAL_MESSAGE(forge_key)
LODE_LOCAL_MESSAGE(forged_key)
LODE_LOCAL_MESSAGE(open_info)
LODE_LOCAL_MESSAGE(opened_info)
LODE_LOCAL_MESSAGE(make_rsa_key)
LODE_LOCAL_MESSAGE(deadline_reached)
LODE_LOCAL_MESSAGE(arm)
LODE_LOCAL_MESSAGE(disarm)
LODE_LOCAL_MESSAGE(tick)
#undef LODE_LOCAL_MESSAGE
