package docs_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write doctor's faults into docs/found.md (make generate)")

// group says of the faults of one group how the emulators play them, and what explain says.
type group struct {
	title, emulator, explain string
}

const (
	answersFault = "the function answers this fault to each call, `TestUnconfiguredOnEachHosting`"
	refusesFile  = "`cloudpay emulate` refuses the file, too, `TestFaults` of `internal/emulator/deployfile`"
	firesNothing = "not played: nothing fires, in the emulator as in the cloud"
	answersAll   = "not played: the emulator's receiver answers each request, and at once"
	sinkStatus   = "a fault of the emulator's receiver with that status, `TestFaults` of `internal/emulator/sink`"
	refusesTimer = "the expression is refused, too, `TestRefusals` of `internal/emulator/cron`"
	stopsCall    = "the platform stops the call, `TestTimeLimit`"
	notSigned    = "nothing to explain: the function answers its fault, and signs nothing"
	notCalled    = "nothing to explain: the function is not called, or is stopped by the platform"
)

// groups are by the comment above their rows in the test of doctor, or by the check of the rows.
var groups = map[string]group{
	"Values":                             {"Values", answersFault, notSigned},
	"The configuration of each function": {"Configuration", answersFault, notSigned},
	"What is written in the file":        {"The file", "not played: it is about the file, and not about what runs", "nothing to explain: no message comes of it"},
	"Who may come in":                    {"Callers", "a caller by each door, `TestDoors` of `internal/emulator/platform`; the functions tell forged ones, `TestForgedDoors`", "nothing to explain: a caller's request has no signature of WeChat Pay"},
	"Where things are":                   {"Addresses", "not played: every address of the emulators is this machine's", "nothing to explain: there is no reply, or none of WeChat Pay"},
	"Timers and limits":                  {"Timers and limits", "the emulator's clock fires it when it is due, `TestTimersFireByTheClock`", notCalled},
	"Containers":                         {"Containers", "not played: containers are run by their own tools", notCalled},
	"store":                              database,
	"schema":                             database,
	"rights":                             database,
	"configuration":                      database,
	"webhook": {
		"The receiver of events", answersAll,
		"nothing to explain: an event is signed by Standard Webhooks, and not by WeChat Pay",
	},
	"PostgreSQL":   {"PostgreSQL", "not played; `TestLivingFaultsOfPostgres` makes it on a real server", database.explain},
	"MariaDB":      {"MariaDB", "not played; `TestLivingFaultsOfMariaDB` makes it on a real server", database.explain},
	"region":       weChatPay,
	"selfTest":     weChatPay,
	"platformKeys": weChatPay,
	"bindings":     weChatPay,
	"answer":       weChatPay,
	"The code":     {"Code", "`cloudpay emulate` refuses such code, too, `TestFaults` of `internal/emulator/workload`", notCalled},
}

var (
	database = group{
		"The register", "not played: the emulator's register is a file of its own, or the database of `--store`",
		"nothing to explain: the register signs nothing",
	}
	weChatPay = group{
		"WeChat Pay", "not played: every address of the emulators is this machine's",
		"nothing to explain: there is no reply, or none of WeChat Pay",
	}
)

// causesOf are the faults that a request, a reply or a notification shows as a cause, where the
// function does not refuse to start.
var causesOf = map[string]string{
	"a serial number that is not hex":        "v3-serial-form",
	"the public key's id as a serial number": "v3-serial-platform",
	"a serial number as the public key's id": "v3-wechatpay-serial",
	"a private key that is cut off":          "account-key-form",
	"a bare private key":                     "account-key-form",
	"a public key as the private key":        "account-key-form",
	"a private key as the public key":        "account-key-form",
	"a certificate as the private key":       "account-key-form",
	"a key file that is not packed":          "account-key-form",
	"the merchant's own public key":          "reply-merchant-certificate",
	"an APIv3 key of 31 letters":             "notice-v3-key",
	"a sub-merchant of a direct merchant":    "account-sub-mchid-unwanted",
	"a merchant number with a space":         "v3-mchid",

	"the self-test is answered with a wrong signature": "reply-other",
	"the self-test is answered without a signature":    "reply-unsigned",
	"the self-test is answered by another key":         "reply-serial-unknown",
	"another APIv3 key":                                "notice-v3-key",
	"a merchant that was switched to the public key":   "account-no-certificates",
	"a sub-merchant of another service provider":       "account-no-permission",
}

// played says of single faults how the emulators play them, where their group's words do not hold.
var played = map[string]string{
	"a value that no function takes":                   "not played: a function runs as if the value were not there",
	"no receiver listens":                              "not played: the emulator's receiver always listens",
	"a receiver's certificate of an unknown authority": "not played: the emulator's receiver has no TLS",
	"a receiver that sends to a login":                 "not played: the emulator's receiver redirects nothing",
	"a receiver whose proxy finds nothing":             sinkStatus,
	"a receiver at another path":                       sinkStatus,
	"a receiver that fails":                            sinkStatus,
	"a receiver with another key":                      "the emulator's receiver refuses a signature by another key, `TestRefusals` of `internal/emulator/sink`",
	"a receiver that believes anyone":                  "not played: the emulator's receiver verifies each signature, `TestRefusals` of `internal/emulator/sink`",
	"a timer of the past":                              firesNothing,
	"no timer":                                         firesNothing,
	"no environment's id":                              "not played: the emulated environment has an id of its own",
	"not a file of values":                             "`--env-file` refuses it, too, `TestVariablesRefused`",
	"an unknown variable":                              "not played: a function runs as if it were not there",
	"a reserved variable":                              "`--env-file` refuses it, too, `TestVariablesRefused`",
	"more than 4 KB":                                   "not played: the variables of the emulated cloud have no bound",
	"the file is cut off":                              refusesFile,
	"YAML with a tab":                                  refusesFile,
	"two functions of one name":                        refusesFile,
	"a function's name":                                refusesFile,
	"isHTTP":                                           "not played: the emulator reads `type`, as the tools do",
	"a queue without reports":                          "a batch of which one message failed, `TestBatchAsAWhole`",
	"another environment's tokens":                     "tokens of an environment, `TestAuthService`, `TestReference`",
	"a door that admits no caller":                     "answered 401, `TestWhoComesByHTTP`",
	"WeChat's gateway on AWS":                          "a forged `X-WX-OPENID` by AWS's doors, `TestForgedDoors`",
	"the private link in a function":                   "not played: the emulated link answers every machine",
	"a register without an appid":                      "`TestRegisteredByOpenIDWantsAnAppID`",
	"a database in clear":                              "the log's first line warns, `TestFirstLineOfTheLogWarnsOfAPlainStore`",
	"a web function's timer":                           "it gets none, `TestTimersOnEachRuntime`",
	"a custom runtime's timer":                         "a timer's token on each runtime, `TestTimersOnEachRuntime`",
	"a custom runtime's message":                       "a timer's token on each runtime, `TestTimersOnEachRuntime`",
	"a timer without a register":                       "`TestTimersThatSweepNothing`",
	"six fields":                                       refusesTimer,
	"AWS's fields on SCF":                              refusesTimer,
	"SCF's fields on AWS":                              refusesTimer,
	"no time for a call":                               stopsCall,
	"no time for notifications":                        stopsCall,
	"no time limit":                                    "not played: the emulator takes 10 s, whatever the cloud's default is",
	"a limit beyond the CLI's":                         "not played: only the file's limit counts",
	"a limit beyond the API gateway's":                 "not played: only the file's limit counts",
	"a size of memory that is none":                    "not played: a function may use any size; `TestMemoryIsReported` says how much",
	"sources in place of a binary":                     "not played: the emulator builds Go's sources",
	"another processor's binary":                       "not played: no binary of another system can be started here",
	"a Mac's binary":                                   "not played: no binary of another system can be started here",
	"the self-test is answered with a wrong signature": "fault `bad-signature` of the self-test",
	"the self-test is answered without a signature":    "fault `unsigned` of the self-test",
	"the self-test is answered by another key":         "fault `unknown-serial` of the self-test",
	"another APIv3 key":                                "fault `wrong-merchant` for certificates",
	"a merchant that was switched to the public key":   "a merchant in public-key mode, `TestNoCertificates`; fault `switched`",
	"a sub-merchant of another service provider":       "a sub-merchant that no option names, `TestBoundByOptions`",
	"a receiver that redirects deliveries":             "not played: the emulator's receiver redirects nothing",
	"a receiver that has moved":                        "not played: the emulator's receiver redirects nothing",
	"the handlers swapped":                             "not played: the emulator's own functions have the handlers of their names",
}

// TestFoundFaults compares the tables of doctor's faults with the test that makes them; with
// -update it writes them.
func TestFoundFaults(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- doctor:begin -->\n", "<!-- doctor:end -->"
	text := read(t, found)
	before, rest, begun := strings.Cut(text, begin)
	tables, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s: got no %q before a %q, want the tables between the two", found, begin, end)
	}
	want := faultTables(t, doctorsFaults(t))
	if diff := gocmp.Diff(want, tables); diff != "" && !*update {
		t.Errorf("%s is out of date, run make generate (-want +got):\n%s", found, diff)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, found), []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// faultTables are one for each group.
func faultTables(t *testing.T, faults []doctorsFault) string {
	t.Helper()
	var tables strings.Builder
	last, names := "", map[string]bool{}
	for _, f := range faults {
		of, has := groups[f.group]
		if !has {
			t.Errorf("the row %q is of the group %q, of which this test does not say how the emulators play it", f.name, f.group)
		}
		if of.title != last {
			last = of.title
			fmt.Fprintf(&tables, "\n### %s\n\n| id | fault | emulator | doctor | explain |\n|---|---|---|---|---|\n", of.title)
		}
		names[f.name] = true
		explain := of.explain
		if id, has := causesOf[f.name]; has {
			explain = fmt.Sprintf("[%s](why.md#%[1]s), where it comes to a request", id)
		}
		fmt.Fprintf(&tables, "| %s | %s | %s | %s | %s |\n", f.id(), f.name, cmp.Or(played[f.name], of.emulator), f.finding(), explain)
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(causesOf)), slices.Collect(maps.Keys(played))) {
		if !names[name] {
			t.Errorf("doctor's test has no row %q any more", name)
		}
	}
	return tables.String() + "\n"
}

// finding is what doctor says, and of which check.
func (f doctorsFault) finding() string {
	level := map[string]string{"LevelWarning": ", a warning"}[f.level]
	return fmt.Sprintf("check `%s`%s: “%s”, `%s`", f.check, level, strings.ReplaceAll(f.says, " | ", "”, “"), f.test)
}

// id is made of the name, which a row keeps as long as it is the same mistake.
func (f doctorsFault) id() string {
	return "doctor-" + strings.Join(idWords.FindAllString(strings.ToLower(strings.ReplaceAll(f.name, "'", "")), -1), "-")
}

var idWords = regexp.MustCompile(`[a-z0-9]+`)
