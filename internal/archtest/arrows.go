// Package archtest holds the project to its import arrows: which package may import which. The
// arrows are one table ([Arrows]), and a test compares the imports of every file with it. Other
// tests hold the tree to ceilings (TestGauges), and the deployment files to the code.
//
// The files are parsed in the test's own process. The result of a test that ran `go list` would be
// cached as green: the go command knows which files a test opened, but not those of its children.
package archtest

// Arrow is what a package may import besides the standard library.
type Arrow struct {
	// Package is a path below the module; * as its last element stands for any one name.
	Package string
	// Ours are the packages of the module it may import, * as in Package.
	Ours []string
	// Theirs are packages of other modules, each with whatever lies under it.
	Theirs []string
}

// Packages of other modules that belong to one place each.
const (
	etree         = "github.com/beevik/etree"
	cobra         = "github.com/spf13/cobra"
	pflag         = "github.com/spf13/pflag"
	flock         = "github.com/gofrs/flock"
	zstd          = "github.com/klauspost/compress/zstd"
	progressbar   = "github.com/schollz/progressbar/v3"
	term          = "golang.org/x/term"
	txtar         = "golang.org/x/tools/txtar"
	uniseg        = "github.com/rivo/uniseg"
	lambda        = "github.com/aws/aws-lambda-go/lambda"
	lambdaContext = "github.com/aws/aws-lambda-go/lambdacontext"
	scf           = "github.com/tencentyun/scf-go-lib"
	lambdaEvents  = "github.com/aws/aws-lambda-go/events"
	scfEvents     = "github.com/tencentyun/scf-go-lib/events"
	xsync         = "golang.org/x/sync"
	xtext         = "golang.org/x/text"
	mysql         = "github.com/go-sql-driver/mysql"
	pq            = "github.com/lib/pq"
	sqlite        = "modernc.org/sqlite"
	goose         = "github.com/pressly/goose/v3"
	mod           = "golang.org/x/mod"
	goyaml        = "github.com/goccy/go-yaml"
	gronx         = "github.com/adhocore/gronx"
	godotenv      = "github.com/joho/godotenv"
	fsnotify      = "github.com/fsnotify/fsnotify"
	xsys          = "golang.org/x/sys"
	bbolt         = "go.etcd.io/bbolt"
	jose          = "github.com/go-jose/go-jose/v4"
)

// Arrows returns the table. A package that is not listed here may not be imported:
//   - The protocol packages are leaves for anybody to use, but for the exchange that they share
//     (pkg/wire).
//   - The emulators never see our codecs: a wrong canonical string must not be wrong on both sides.
//     The diagnosis that the emulated gateway asks why it refused sees none either.
//   - The workflows (closing, sweep) know neither a protocol nor a database.
//   - One package (hosting) knows how a cloud starts a function.
//   - The schema's steps and goose, which applies them, stay out of what the functions link.
func Arrows() []Arrow { return arrows }

var arrows = []Arrow{
	{Package: "pkg/wire"},
	{Package: "pkg/wire/wiretest"},
	{Package: "pkg/v2xml", Ours: []string{"pkg/wire"}, Theirs: []string{etree}},
	{Package: "pkg/v3json", Ours: []string{"pkg/wire"}},
	{Package: "pkg/paygate", Ours: []string{"internal/cause", "internal/diagnosis"}, Theirs: []string{bbolt}},

	{Package: "internal/bilingual"},
	{Package: "internal/cause", Ours: []string{"internal/bilingual"}},
	{Package: "internal/diagnosis", Ours: []string{"internal/bilingual", "internal/cause"}},
	{Package: "internal/printable"},
	{Package: "internal/typo"},
	{Package: "internal/diagnosis/mutants"}, // shares nothing with what it is to judge
	{Package: "internal/order/verdict"},
	{Package: "internal/order/tradestate"},
	{Package: "internal/order/errcode", Ours: []string{"internal/order/verdict"}},
	{Package: "internal/order", Ours: []string{"internal/bilingual", "internal/printable", "internal/typo", "internal/order/*"}},
	{Package: "internal/schedule", Ours: []string{"internal/bilingual", "internal/order", "internal/order/*"}},
	{Package: "internal/backoff"},
	{Package: "internal/deadline"},
	{
		Package: "internal/schedule/decision",
		Ours:    []string{"internal/backoff", "internal/order", "internal/order/*", "internal/schedule"},
	},
	{Package: "internal/schedule/outbox", Ours: []string{"internal/bilingual", "internal/order", "internal/order/*", "internal/schedule"}},
	{Package: "internal/schedule/registering", Ours: []string{"internal/order", "internal/schedule"}},
	{Package: "internal/schedule/pruning", Ours: []string{"internal/order", "internal/schedule", "internal/schedule/outbox"}},
	{Package: "internal/config", Ours: []string{"internal/bilingual", "internal/order", "internal/typo"}},
	{Package: "internal/dropin", Ours: []string{"internal/order", "internal/order/*", "internal/printable"}},
	{Package: "internal/telemetry", Ours: []string{"internal/printable"}},
	{Package: "internal/telemetry/telemetrytest"},
	{Package: "internal/accesstoken", Ours: []string{"internal/order", "pkg/wire"}, Theirs: []string{jose}},
	{Package: "internal/wxcloudrun", Ours: []string{"pkg/wire"}},
	{Package: "internal/emulator/access"},
	{Package: "internal/emulator/admission"},
	{Package: "internal/emulator/sse"},
	{Package: "internal/emulator/spool", Ours: []string{"internal/bilingual"}, Theirs: []string{bbolt}},
	{Package: "internal/emulator/sqs", Ours: []string{"internal/emulator/spool"}},
	{Package: "internal/emulator/scheduler", Ours: []string{"internal/emulator/spool"}},
	{Package: "internal/emulator/traffic", Ours: []string{"internal/emulator/admission", "internal/emulator/sse"}},
	{Package: "internal/emulator/ports", Ours: []string{"internal/bilingual"}},
	{Package: "internal/emulator/sink", Ours: []string{"internal/emulator/sse"}}, // what it verifies is from docs/events.md alone
	{
		Package: "internal/emulator/platform",
		Ours: []string{
			"internal/emulator/access", "internal/emulator/admission", "internal/emulator/ports", "internal/emulator/scheduler",
			"internal/emulator/spool",
			"internal/emulator/sqs", "internal/emulator/traffic",
		},
	},
	{Package: "internal/emulator/registerapi"},                                                     // the command's world brings the register
	{Package: "internal/emulator/console", Ours: []string{"internal/bilingual", "internal/cause"}}, // it reads the management APIs
	{
		Package: "internal/emulator/desk",
		Ours: []string{
			"internal/bilingual", "pkg/paygate", "internal/emulator/access", "internal/emulator/console", "internal/emulator/platform",
			"internal/emulator/ports",
			"internal/emulator/sink", "internal/emulator/spool", "internal/emulator/traffic",
		},
		Theirs: []string{flock, xsync},
	},

	{Package: "internal/emulator/cron", Ours: []string{"internal/bilingual"}, Theirs: []string{gronx}},
	{
		Package: "internal/emulator/deployfile",
		Ours:    []string{"internal/bilingual", "internal/emulator/cron"},
		Theirs:  []string{goyaml, godotenv},
	},
	{
		Package: "internal/emulator/workload",
		Ours:    []string{"internal/bilingual", "internal/emulator/cron", "internal/emulator/deployfile", "internal/emulator/platform"},
	},
	{Package: "internal/emulator/watch", Ours: []string{"internal/bilingual"}, Theirs: []string{fsnotify}},

	{
		Package: "internal/wechatpay",
		Ours: []string{
			"internal/bilingual", "internal/order", "internal/order/*", "pkg/v2xml", "pkg/v3json",
			"pkg/wire", "internal/wxcloudrun",
		},
	},
	{
		Package: "internal/store",
		Ours: []string{
			"internal/backoff", "internal/bilingual", "internal/deadline", "internal/order",
			"internal/order/*", "internal/schedule", "internal/schedule/outbox", "internal/schedule/pruning",
			"internal/store/sqlite", // under the build tag sqlite
		},
		Theirs: []string{mysql, pq},
	},
	{Package: "internal/store/sqlite", Ours: []string{"internal/bilingual"}, Theirs: []string{sqlite}},
	{Package: "internal/store/migrations"},
	{
		Package: "internal/store/migrate",
		Ours:    []string{"internal/bilingual", "internal/store", "internal/store/migrations"},
		Theirs:  []string{goose},
	},
	{
		Package: "internal/store/storetest",
		Ours: []string{
			"internal/closing", "internal/order", "internal/order/*", "internal/schedule", "internal/schedule/outbox",
			"internal/schedule/pruning", "internal/store", "internal/store/migrate", "internal/sweep",
		},
	},
	{
		Package: "internal/store/fakestore",
		Ours: []string{
			"internal/deadline", "internal/order", "internal/order/*", "internal/schedule", "internal/schedule/outbox",
			"internal/schedule/pruning",
		},
	},
	{
		Package: "internal/closing",
		Ours: []string{
			"internal/backoff", "internal/bilingual", "internal/deadline", "internal/order",
			"internal/order/*", "internal/schedule",
			"internal/schedule/decision", "internal/schedule/registering",
		},
	},
	{Package: "internal/closing/closingtest", Ours: []string{"internal/closing", "internal/order", "internal/order/*"}},
	{
		Package: "internal/sweep",
		Ours: []string{
			"internal/backoff", "internal/bilingual", "internal/closing", "internal/deadline",
			"internal/order", "internal/order/*",
			"internal/schedule", "internal/schedule/outbox", "internal/schedule/decision", "internal/schedule/pruning", "internal/telemetry",
		},
	},
	// paynotify knows no hosting: it takes a header and a body, and returns an answer.
	{
		Package: "internal/paynotify",
		Ours:    []string{"internal/order", "internal/schedule", "pkg/v2xml", "pkg/v3json", "pkg/wire"},
	},
	{Package: "internal/notify", Ours: []string{"internal/schedule/outbox", "pkg/wire"}},
	{
		Package: "internal/hosting",
		Ours:    []string{"internal/bilingual", "internal/telemetry", "pkg/wire"},
		Theirs:  []string{lambda, lambdaContext, scf, xsync},
	},
	// hosting defines the request that HTTP events are decoded into.
	{
		Package: "internal/trigger/event",
		Ours:    []string{"internal/bilingual", "internal/hosting"},
		Theirs:  []string{lambdaEvents, scfEvents},
	},
	// trigger takes wire's redaction of secrets, and knows no protocol.
	{
		Package: "internal/trigger",
		Ours: []string{
			"internal/bilingual", "internal/order", "internal/order/*", "internal/schedule",
			"internal/hosting", "internal/telemetry",
			"internal/printable", "internal/typo", "internal/trigger/event", "pkg/wire",
		},
		Theirs: []string{xsync},
	},
	{
		Package: "internal/paths",
		Ours: []string{
			"internal/order", "internal/order/errcode", "internal/hosting", "internal/trigger/event",
		},
	},
	{
		Package: "internal/app",
		Ours: []string{
			"pkg/v2xml", "pkg/v3json", "internal/accesstoken", "internal/bilingual", "internal/deadline", "internal/order",
			"internal/schedule", "internal/config", "internal/telemetry",
			"internal/wxcloudrun",
			"internal/wechatpay", "internal/store", "internal/closing", "internal/sweep",
			"internal/dropin", "internal/order/errcode", "internal/paths",
			"internal/notify", "internal/paynotify", "internal/trigger", "internal/trigger/event", "internal/hosting",
		},
	},

	{
		Package: "internal/doctor",
		Ours: []string{
			"pkg/v3json", "pkg/wire", "internal/bilingual", "internal/order",
			"internal/order/*", "internal/config", "internal/wechatpay",
			"internal/app", "internal/schedule",
			"internal/notify", "internal/schedule/outbox", // a test event
			"internal/store",
			"internal/emulator/deployfile",         // the files of a deployment
			"internal/cause", "internal/diagnosis", // why an answer does not verify
			"internal/typo",
		},
		Theirs: []string{mysql, pq}, // the words of a database that lets nobody in
	},

	{
		Package: "internal/explain",
		Ours:    []string{"internal/bilingual", "internal/cause", "internal/diagnosis", "internal/order/*"},
	},

	{
		Package: "functions/*",
		Ours: []string{
			"internal/app", "internal/hosting",
		},
	},
	{
		Package: "internal/cli/render",
		Ours: []string{
			"internal/bilingual", "internal/order", "internal/order/*", "internal/printable",
			"internal/schedule", "internal/schedule/outbox",
		},
		Theirs: []string{pflag, progressbar, term, uniseg},
	},
	{
		Package: "internal/cli/calls",
		Ours: []string{
			"internal/bilingual", "internal/cli/moment", "internal/cli/render", "internal/emulator/access", "internal/emulator/desk",
			"internal/emulator/platform",
		},
		Theirs: []string{pflag},
	},
	{Package: "internal/cli/moment", Ours: []string{"internal/bilingual"}},
	{
		Package: "internal/cli/retries",
		Ours:    []string{"internal/bilingual", "internal/order", "internal/schedule", "internal/schedule/outbox"},
	},
	{
		Package: "internal/cli/orderfile",
		Ours: []string{
			"internal/bilingual", "internal/order", "internal/order/tradestate", "internal/printable", "internal/schedule",
			"internal/schedule/outbox", "internal/schedule/registering", "internal/cli/render",
		},
		Theirs: []string{xtext},
	},
	{
		Package: "internal/cli/archive",
		Ours:    []string{"internal/bilingual", "internal/cli/orderfile", "internal/schedule/pruning"},
		Theirs:  []string{flock, zstd},
	},
	{Package: "internal/cli/paint", Ours: []string{"internal/cli/render"}},
	{
		Package: "internal/cli/exchangelog",
		Ours: []string{
			"internal/bilingual", "internal/deadline", "internal/printable", "internal/cli/paint", "internal/cli/render",
			"internal/emulator/desk", "internal/emulator/traffic",
		},
		Theirs: []string{pflag},
	},
	{
		Package: "internal/cli/demo",
		Ours: []string{
			"internal/bilingual", "internal/order", "internal/printable", "internal/schedule", "internal/schedule/outbox",
			"internal/store", "internal/sweep",
			"internal/store/migrate", "internal/cli/paint", "internal/cli/render", "internal/cli/world", "internal/emulator/*",
			"pkg/paygate",
			"pkg/v3json", "pkg/wire", // the shop's server signs with them, as any merchant's program may
		},
		Theirs: []string{progressbar},
	},
	{
		Package: "internal/cli/deployflags",
		Ours:    []string{"internal/bilingual", "internal/cli/render", "internal/emulator/workload"},
		Theirs:  []string{pflag},
	},
	{
		Package: "internal/cli/explaining",
		Ours: []string{
			"internal/bilingual", "internal/printable", "internal/config", "internal/diagnosis", "internal/explain", "internal/cli/paint",
			"internal/cli/render", "internal/emulator/deployfile", "internal/emulator/desk",
		},
		Theirs: []string{pflag, uniseg},
	},
	// inspection is the product's part of the emulator's management API.
	{
		Package: "internal/cli/inspection",
		Ours:    []string{"internal/bilingual", "internal/cli/explaining", "internal/cli/render", "internal/config"},
	},
	{Package: "internal/cli/rounds", Ours: []string{"internal/bilingual", "internal/cli/render", "internal/deadline", "internal/sweep"}},
	{Package: "internal/cli/tally", Ours: []string{"internal/cli/render"}},
	{Package: "internal/cli/keys", Theirs: []string{term, xsys}},
	{
		Package: "internal/cli/world",
		Ours: []string{
			"internal/bilingual", "internal/config", "internal/order", "internal/printable", "internal/schedule", "internal/schedule/outbox",
			"internal/store", "internal/store/migrate",
			"internal/store/sqlite", "internal/cli/calls", "internal/cli/deployflags", "internal/cli/exchangelog", "internal/cli/inspection",
			"internal/cli/keys", "internal/cli/moment", "internal/cli/render", "internal/cli/retries",
			"internal/emulator/*",
		},
		Theirs: []string{pflag},
	},
	{
		Package: "cmd/cloudpay",
		Ours: []string{
			"internal/app", "internal/bilingual", "internal/config", "internal/deadline", "internal/order",
			"internal/printable", "internal/schedule", "internal/schedule/outbox", "internal/schedule/pruning",
			"internal/schedule/registering", "internal/store", "internal/store/migrate", "internal/store/sqlite", "internal/doctor",
			"internal/cli/*",
			"internal/emulator/*",
		},
		Theirs: []string{cobra, pflag, txtar},
	},

	{Package: "examples/receivers/go"}, // it is written from docs/events.md alone

	{Package: "internal/nodetest"},
	{Package: "internal/containertest", Theirs: []string{goyaml, xsys}},
	{Package: "internal/archtest", Theirs: []string{mod}},
	{Package: "internal/toolchain/*", Theirs: []string{mod}},
}
