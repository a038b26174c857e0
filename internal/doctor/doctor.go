// Package doctor examines a configuration as an experienced operator would, and says what is wrong
// and what to do: what is set, whether the keys and the certificate belong together, which callers
// are accepted, whether WeChat Pay, the store's database and the receivers of events are reachable,
// whether the clocks are right, whether the database is one that the store can rely on, and whether
// WeChat Pay's self-test and a query are answered with a valid signature.
//
// Each check yields [Finding] values in English and Chinese. No finding contains a secret, nor a
// value that may be a secret in the wrong variable: a value is shown only if it has a form that no
// key has.
//
// The query is for an order with a random number, so that no order is touched. A signed
// ORDERNOTEXIST proves that the merchant number, the key, its serial number and the key that
// verifies replies are all right.
//
// What is not checked is a finding too, of [LevelSkipped], with the reason. A check of something
// outside ends within five seconds, whatever the far side does: also one that stops in the midst of
// its answer. Checks that wait are made at once, so that all of them end within [DefaultTimeout].
package doctor

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
)

// DefaultTimeout limits an examination whose context has no deadline.
const DefaultTimeout = 15 * time.Second

// Doctor examines one environment. Environ is required.
type Doctor struct {
	// Environ is examined; it has the form of [os.Environ].
	Environ []string
	// Certificate is the path of the merchant's apiclient_cert.pem; it is optional.
	Certificate string
	// SubMchID is the sub-merchant that a service provider's query names; WXPAY_SUB_MCHID when
	// empty.
	SubMchID string
	// Offline skips the checks that need the network.
	Offline bool
	// Send delivers two test events to the receiver of events, one of them with a wrong signature.
	// Nothing is sent to it otherwise but a HEAD without content.
	Send bool
	// Logs gets the logs of the query; nil discards them.
	Logs io.Writer
	// Now is the clock that is examined; time.Now when nil.
	Now func() time.Time

	// queryLimit is for tests; maxQuery when zero.
	queryLimit time.Duration
	// limit is for tests, and shortens a check's limit; it is kept when nil.
	limit func(most time.Duration) time.Duration
	// databaseClock is for tests; the store's when nil.
	databaseClock func(context.Context) (time.Time, error)
	// lookUp is for tests; the system's resolver when nil.
	lookUp func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Examine makes every check, and yields each finding as soon as it is known. It ends before ctx's
// deadline. When ctx is cancelled it ends at once, without the findings of the checks that were in
// progress.
func (d *Doctor) Examine(ctx context.Context) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		ctx, cancel := bounded(ctx)
		defer cancel()
		e := d.examination()
		defer e.close()
		// The order matters: each group may use what those before it have found.
		for _, group := range []group{
			{checkSettings}, {checkConfiguration}, {checkStore}, {checkRegion},
			{checkPrivateKey}, {checkPublicKey}, {checkCertificate}, {checkCallers},
			{checkNetwork, checkDatabase, checkWebhooks}, {checkSchema},
			{checkDatabaseClock, checkSelfTest, checkAnswers}, {checkBindings},
		} {
			for _, finding := range group.findings(ctx, e) {
				// A deadline that has passed still lets the remaining checks say what they skip.
				if errors.Is(ctx.Err(), context.Canceled) || !yield(finding) {
					return
				}
			}
		}
	}
}

// group is a number of checks that are made at once: one that waits takes no time of the others.
type group []func(context.Context, *examination) []Finding

// findings makes the checks and returns their findings in the group's order. It returns when all
// have ended.
func (g group) findings(ctx context.Context, e *examination) []Finding {
	lists := make([][]Finding, len(g))
	var all sync.WaitGroup
	for i, check := range g {
		all.Go(func() { lists[i] = check(ctx, e) })
	}
	all.Wait()
	return slices.Concat(lists...)
}

// limited bounds a check to most, and to a share of what remains before ctx's deadline, so that
// later checks have time too.
func (d *Doctor) limited(ctx context.Context, most time.Duration, share int) (context.Context, context.CancelFunc) {
	if d.limit != nil {
		most = d.limit(most)
	}
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)/time.Duration(share))
	}
	return context.WithTimeout(ctx, most)
}

// bounded adds the default deadline to a context without one.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, already := ctx.Deadline(); already {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, DefaultTimeout)
}

// examination is the state that the checks share.
type examination struct {
	*Doctor

	// settings holds what could be read; faults, why the rest could not.
	settings config.Config
	faults   *config.Faults
	// app is nil if the configuration lets nothing be served.
	app *app.App
	// reached is the number of addresses that answered.
	reached int
	// clockAgrees reports that the clock was compared with the gateway's and agreed. It rules the
	// clock out as the cause of other findings.
	clockAgrees bool
	// database is what is known of the store's database.
	database database
	// answers are the results of the queries, by dialect.
	answers map[order.API]order.Result
	// ahead is by how much this machine's clock is ahead of the gateway's; nil when no reply had a
	// time.
	ahead *time.Duration
}

// close ends the connections to the store.
func (e *examination) close() {
	if e.database.open != nil {
		_ = e.database.open.Close() // nothing was written
	}
	if e.app != nil && e.app.Store != nil {
		_ = e.app.Store.Close() // nothing was written
	}
}

// examination reads the configuration as the functions do, and collects its faults: those of the
// variables, and those that only building the app finds.
func (d *Doctor) examination() *examination {
	e := &examination{Doctor: d, faults: &config.Faults{}}
	var err error
	e.settings, err = config.Load(d.Environ)
	e.add(err)
	// Building the app parses the keys, which config does not.
	e.app, err = app.New(d.Environ, cmp.Or(d.Logs, io.Discard))
	e.add(err)
	if e.app != nil {
		e.add(e.app.Broken)
		// The libraries log through the default logger, as they do in a function.
		slog.SetDefault(e.app.Log)
	}
	return e
}

// add adds the faults of a report, each once. Another error becomes a fault of all variables.
func (e *examination) add(err error) {
	if err == nil {
		return
	}
	// Only reading the environment itself fails otherwise.
	report, ok := errors.AsType[*config.Faults](err)
	if !ok {
		report = &config.Faults{List: []config.Fault{{
			Variable: "WXPAY_*", Problem: bilingual.New("cannot be read", "无法读取"), Remedy: bilingual.Wording(err),
		}}}
	}
	for _, fault := range report.List {
		if !slices.Contains(e.faults.List, fault) {
			e.faults.List = append(e.faults.List, fault)
		}
	}
}

// now is the examined clock's time.
func (e *examination) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

// Level says how much a finding matters.
type Level string

// The levels, in ascending order.
const (
	// LevelFact: a setting, neither good nor bad.
	LevelFact Level = "fact"
	// LevelFine: correct.
	LevelFine Level = "fine"
	// LevelSkipped: not checked; the finding says why.
	LevelSkipped Level = "skipped"
	// LevelWarning: it works, or may work, but needs attention.
	LevelWarning Level = "warning"
	// LevelFault: it does not work.
	LevelFault Level = "fault"
)

// Finding is the result of one check.
type Finding struct {
	Check Check
	Level Level
	// Subject is what was checked: a variable, an address, a dialect. Empty if the check says it
	// all.
	Subject string
	// Found is the result, as a continuation of the subject.
	Found bilingual.Text
	// Remedy is an instruction; empty if there is nothing to do.
	Remedy bilingual.Text
}

// with completes a finding. One without a remedy needs none.
func (f Finding) with(level Level, found, remedy bilingual.Text) Finding {
	f.Level, f.Found, f.Remedy = level, found, remedy
	return f
}

func (f Finding) fact(found bilingual.Text) Finding {
	return f.with(LevelFact, found, bilingual.Text{})
}
func (f Finding) fine(found bilingual.Text) Finding {
	return f.with(LevelFine, found, bilingual.Text{})
}
func (f Finding) skipped(found bilingual.Text) Finding {
	return f.with(LevelSkipped, found, bilingual.Text{})
}

// unknown is for what no check can tell: the remedy is the way to look it up by hand.
func (f Finding) unknown(found, byHand bilingual.Text) Finding {
	return f.with(LevelSkipped, found, byHand)
}

func (f Finding) warning(found, remedy bilingual.Text) Finding {
	return f.with(LevelWarning, found, remedy)
}
func (f Finding) fault(found, remedy bilingual.Text) Finding {
	return f.with(LevelFault, found, remedy)
}

// In is the finding in one language, for encoding: check, level, subject, found and remedy.
func (f Finding) In(chinese bool) any {
	return struct {
		Check   Check  `json:"check"`
		Level   Level  `json:"level"`
		Subject string `json:"subject,omitempty"`
		Found   string `json:"found"`
		Remedy  string `json:"remedy,omitempty"`
	}{f.Check, f.Level, f.Subject, f.Found.In(chinese), f.Remedy.In(chinese)}
}

// Check is a check's name for programs; Title is the one for people.
type Check string

// The checks, in the order in which they are made.
const (
	// settingsCheck: a variable that is set.
	settingsCheck Check = "settings"
	// configurationCheck: a fault of the configuration, or that there is none.
	configurationCheck Check = "configuration"
	// privateKeyCheck, publicKeyCheck and certificateCheck: the keys of APIv3, and whether they
	// belong together.
	privateKeyCheck  Check = "privateKey"
	publicKeyCheck   Check = "publicKey"
	certificateCheck Check = "certificate"
	// callersCheck: which callers are accepted.
	callersCheck Check = "callers"
	// mainDomainCheck, backupDomainCheck and privateLinkCheck: whether an address of WeChat Pay is
	// reachable.
	mainDomainCheck   Check = "mainDomain"
	backupDomainCheck Check = "backupDomain"
	privateLinkCheck  Check = "privateLink"
	// regionCheck: whether the configured address is one of the configured region.
	regionCheck Check = "region"
	// storeCheck: whether the store's database is reached, and what kind of server it is.
	storeCheck Check = "store"
	// schemaCheck: whether this version and the database's schema fit, and the schema is whole.
	schemaCheck Check = "schema"
	// rightsCheck: whether the database's user may do what the functions do.
	rightsCheck Check = "rights"
	// webhookCheck: whether the receivers of events and of unrecorded notifications can be reached.
	webhookCheck Check = "webhook"
	// platformKeysCheck: which keys WeChat Pay signs with for this merchant, and until when.
	platformKeysCheck Check = "platformKeys"
	// selfTestCheck: WeChat Pay's own test of signatures, at each of its addresses.
	selfTestCheck Check = "selfTest"
	// bindingsCheck: whether service provider, sub-merchant and appid belong together.
	bindingsCheck Check = "bindings"
	// clockCheck: the differences between this machine's clock, the gateway's and the database's.
	clockCheck Check = "clock"
	// answerCheck: the answer to the query, for each dialect.
	answerCheck Check = "answer"
	// deploymentCheck: what a file says that describes a deployment.
	deploymentCheck Check = "deployment"
)

// about is a finding that is yet to get its level and texts.
func (c Check) about(subject string) Finding { return Finding{Check: c, Subject: subject} }

// Title is the check's name for people.
func (c Check) Title() bilingual.Text { return titles[c] }

// titles are the checks' names in both languages.
var titles = map[Check]bilingual.Text{
	settingsCheck:      bilingual.New("setting", "配置项"),
	configurationCheck: bilingual.New("configuration", "配置"),
	privateKeyCheck:    bilingual.New("private key", "商户私钥"),
	publicKeyCheck:     bilingual.New("public key", "微信支付公钥"),
	certificateCheck:   bilingual.New("certificate", "商户API证书"),
	callersCheck:       bilingual.New("callers", "调用权限"),
	mainDomainCheck:    bilingual.New("main domain", "主域名"),
	backupDomainCheck:  bilingual.New("backup domain", "备用域名"),
	privateLinkCheck:   bilingual.New("private link", "内网链路"),
	regionCheck:        bilingual.New("region", "区域"),
	storeCheck:         bilingual.New("store", "数据库"),
	schemaCheck:        bilingual.New("schema", "数据库结构"),
	rightsCheck:        bilingual.New("rights", "数据库权限"),
	webhookCheck:       bilingual.New("webhook", "事件接收方"),
	platformKeysCheck:  bilingual.New("platform keys", "平台密钥"),
	selfTestCheck:      bilingual.New("self-test", "签名自检"),
	bindingsCheck:      bilingual.New("bindings", "绑定关系"),
	clockCheck:         bilingual.New("clock", "时钟"),
	answerCheck:        bilingual.New("answer", "实测查单"),
	deploymentCheck:    bilingual.New("deployment", "部署描述"),
}
