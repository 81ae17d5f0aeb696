#include "sandbox/demo_screen.h"

#include <unistd.h>

#include <iostream>
#include <map>

#include "base/zone.h"
#include "model/money.h"
#include "sandbox/demo_setup.h"

namespace hw::sandbox {
namespace {

constexpr int kBar = 24;

std::size_t count(const World& world, const char* type) {
  const auto all = world.crm.objects().find(type);
  return all == world.crm.objects().end() ? 0 : all->second.size();
}

/// What makes the months hard to account for, and how often it happened.
std::string in_words(const std::map<std::string, int>& happened) {
  const auto times = [&](const char* kind) { return std::to_string(happened.at(kind)); };
  return "Deals reopened: " + times("reopen") + ", lowered after the sale: " + times("edit_down") +
         ", deleted: " + times("delete") + ", won again after a loss was told: " + times("final_zero") +
         ".\nContacts merged: " + times("contact_merge") + ", taken apart again: " + times("unmerge") +
         ", mailboxes shared: " + times("shared_mailbox") + ", ad clicks found late: " + times("late_click") +
         ",\nconsents withdrawn: " + times("consent_withdrawn") + ".\n";
}

std::string day_of(Timestamp t) { return rfc3339(t).substr(0, 10); }
std::string minute_of(Timestamp t) { return day_of(t) + " " + rfc3339(t).substr(11, 5); }

}  // namespace

Screen::Screen(const DemoOptions& options) : options_(options), terminal_(::isatty(STDERR_FILENO) != 0) {}

void Screen::welcome(const std::string& directory) const {
  if (options_.quiet) return;
  std::cout
      << "A software company sells to other companies: ads today, deals months later. Its CRM, its web analytics\n"
         "and its ad accounts are simulated on this machine, and nothing leaves it. Headwater is the real\n"
         "program, with the configuration under "
      << directory << ".\n"
      << "It reads who came and who bought, tells each platform what its clicks became, and corrects what it\n"
         "told when deals change. 18 months pass now: about a minute for you.\n\n"
      << std::flush;
}

void Screen::progress(const Company& script, const World& world) {
  if (options_.quiet) return;
  const double part = static_cast<double>((world.now - script.start()).count()) /
                      static_cast<double>((script.end() - script.start()).count());
  const int step = static_cast<int>(part * (terminal_ ? 200 : 6));
  if (step <= shown_) return;
  shown_ = step;
  const int filled = static_cast<int>(part * kBar);
  std::string bar = terminal_ ? "\r\x1b[K[" + std::string(static_cast<std::size_t>(filled), '#') +
                                    std::string(static_cast<std::size_t>(kBar - filled), '.') + "] "
                              : "";
  std::cerr << bar << day_of(world.now) << "  " << count(world, "contacts") << " contacts, " << count(world, "deals")
            << " deals" << (terminal_ ? "" : "\n") << std::flush;
}

void Screen::end_progress() const {
  if (!options_.quiet && terminal_) std::cerr << "\r\x1b[K" << std::flush;
}

void Screen::curtain(const Company& script, const World& world, const std::string& accounts,
                     const Judged& judged) const {
  if (!options_.quiet) {
    std::cout << day_of(script.start()) << " to " << day_of(world.now) << ": " << count(world, "contacts")
              << " contacts of " << count(world, "companies") << " companies, " << count(world, "deals") << " deals, "
              << campaigns().size() << " campaigns.\n"
              << in_words(judged.happened) << "\n"
              << accounts << "\n";
  }
  for (const std::string& line : judged.differences) std::cout << "differs: " << line << "\n";
  if (!options_.quiet) {
    std::cout << "The simulators know what is true and what each platform believes. Held against that, conversion by "
                 "conversion\nand field by field, what Headwater says "
              << (judged.good ? "is right:\n" : "differs as said above:\n");
  }
  if (!options_.quiet || !judged.differences.empty()) std::cout << judged.fields_line << "\n";
  std::cout << judged.last_line << std::endl;
}

void Screen::look_next(const std::string& deal, const std::string& program) const {
  if (options_.quiet) return;
  auto line = [&](const char* what, const std::string& command) {
    std::cout << what << "\n   " << program << " " << command << "\n";
  };
  std::cout << "\nThree things worth looking at next:\n";
  line("1. One deal: its people, their clicks, what each platform was told of it, and why", "explain deal " + deal);
  line("2. Every cent that was won, and where it stands on each platform", "report reconciliation");
  line("3. What each channel brought and cost", "report channels");
  std::cout << std::flush;
}

void Screen::goes_on(const std::string& directory) const {
  if (options_.quiet) return;
  std::cout << "\nOpen another terminal for them: here the company goes on, a day every three seconds. Ctrl-C ends it"
            << (options_.state.empty() ? " and removes\n" + directory : "") << ".\n\n"
            << std::flush;
}

void Screen::goodbye(const std::string& directory) const {
  if (options_.quiet) return;
  std::cout << "\nHeadwater has stopped. " << directory << (options_.state.empty() ? " is removed.\n" : " is kept.\n");
}

void Screen::happens(Timestamp at, const std::string& text) const {
  if (!options_.quiet) std::cout << minute_of(at) << "  " << text << std::endl;
}

void Screen::believe(Timestamp at, const std::vector<Belief>& beliefs, const Company& script, const World& world) {
  if (options_.quiet) return;
  std::map<std::string, std::string> subjects;
  for (const Belief& b : beliefs) {
    for (const Place& p : demo_places()) {
      if (p.account != b.account || p.action != b.action) continue;
      const std::string key = p.destination + " " + b.key;
      const auto [known, is_new] = believed_.try_emplace(key, 0);
      const std::int64_t before = known->second;
      known->second = b.micros;
      if (!knows_ || before == b.micros) continue;
      if (subjects.empty())
        for (const TruthRow& row : script.truth(world)) subjects[row.dedup_id] = row.object + " " + row.id;
      happens(at, "    " + p.destination + " now believes " + human({b.micros, Currency::parse(b.currency).value()}) +
                      " of " + subjects[b.key]);
    }
  }
  knows_ = true;
}

}  // namespace hw::sandbox
