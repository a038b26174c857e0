// Package doctor looks at a configuration the way an experienced operator would, and says what is wrong with it and
// what to do: what is set, whether the keys and the certificate belong together, who may call, whether WeChat Pay can
// be reached, whether the clock is right, and whether one question is understood and answered with a signature.
//
// Each check gives [Finding] values in English and Chinese. No finding holds a secret, nor any value that may be one
// put into the wrong variable: what is shown of a value is what only an honest one can look like.
//
// The one question is for an order whose number is made at random. A signed ORDERNOTEXIST proves that the merchant, the
// key, its serial number and the key that verifies replies are all right; no order is touched.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
)

// Patience is how long an examination takes at most when its context has no deadline.
const Patience = 15 * time.Second

// Doctor examines one environment. Environ is required.
type Doctor struct {
	// Environ is what is examined, in the form of [os.Environ].
	Environ []string
	// Certificate is the path of the merchant's apiclient_cert.pem; empty: it is not looked at.
	Certificate string
	// SubMchID is whose order a service provider asks for; empty: WXPAY_SUB_MCHID's.
	SubMchID string
	// Offline leaves out what needs the network.
	Offline bool
	// Logs gets what the workflow logs; nobody when nil.
	Logs io.Writer
	// Now is the clock that is examined, time.Now when nil.
	Now func() time.Time

	question time.Duration // how long the question may take; longestQuestion when zero
}

// Examine makes every check, and yields each finding as soon as it is there. It ends before ctx's deadline, and when ctx
// is cancelled it ends at once.
func (d *Doctor) Examine(ctx context.Context) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		ctx, cancel := bounded(ctx)
		defer cancel()
		p := d.patient()
		for _, check := range []func(context.Context, *patient) []Finding{
			checkSettings, checkConfiguration, checkStore, checkPrivateKey, checkPublicKey, checkCertificate, checkCallers,
			checkNetwork, checkAnswers,
		} {
			for _, finding := range check(ctx, p) {
				if errors.Is(ctx.Err(), context.Canceled) || !yield(finding) {
					return
				}
			}
		}
	}
}

// bounded gives a context without a deadline one.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, already := ctx.Deadline(); already {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, Patience)
}

// patient is what the checks look at.
type patient struct {
	*Doctor

	settings config.Config
	faults   *config.Faults
	app      *app.App // nil when the configuration lets nothing be served
	// reached are the addresses that anybody answered at, once the network was looked at.
	reached int
	// clockAgrees is true once the clock was compared with the gateway's and agreed: what it could
	// explain otherwise has another cause.
	clockAgrees bool
}

// patient reads the configuration as the functions do. What is wrong with it is in faults, all of it.
func (d *Doctor) patient() *patient {
	p := &patient{Doctor: d, faults: &config.Faults{}}
	var err error
	p.settings, err = config.Load(d.Environ)
	p.add(err)
	logs := d.Logs
	if logs == nil {
		logs = io.Discard
	}
	p.app, err = app.New(d.Environ, logs)
	p.add(err)
	if p.app != nil {
		p.add(p.app.Broken)
		slog.SetDefault(p.app.Log) // for what has no logger of its own, as in a function
	}
	return p
}

// add takes up a report of faults, each fault once.
func (p *patient) add(err error) {
	if err == nil {
		return
	}
	report, ok := errors.AsType[*config.Faults](err)
	if !ok {
		report = &config.Faults{List: []config.Fault{{
			Variable: "WXPAY_*", Problem: bilingual.New("cannot be read", "无法读取"), Remedy: bilingual.Wording(err),
		}}}
	}
	known := make(map[config.Fault]bool, len(p.faults.List))
	for _, fault := range p.faults.List {
		known[fault] = true
	}
	for _, fault := range report.List {
		if !known[fault] {
			p.faults.List = append(p.faults.List, fault)
		}
	}
}

func (p *patient) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// Level says how much a finding matters.
type Level string

// The levels, from harmless to not.
const (
	// LevelFact is neither good nor bad: what is set.
	LevelFact Level = "fact"
	// LevelFine: as it should be.
	LevelFine Level = "fine"
	// LevelSkipped: not looked at; the finding says why.
	LevelSkipped Level = "skipped"
	// LevelWarning: it works, or may; somebody should look at it.
	LevelWarning Level = "warning"
	// LevelFault: it does not work.
	LevelFault Level = "fault"
)

// Finding is what one check found.
type Finding struct {
	Check Check
	Level Level
	// Subject is what was looked at: a variable, an address, a dialect. Empty where the check says it all.
	Subject string
	Found   bilingual.Text
	// Remedy is what to do about it; empty when there is nothing to do.
	Remedy bilingual.Text
}

// In is the finding in one language, for encoding.
func (f Finding) In(chinese bool) json.Marshaler { return spoken{f, chinese} }

// spoken is a finding in one language.
type spoken struct {
	finding Finding
	chinese bool
}

// MarshalJSON writes one object: check, level, subject, found and remedy.
func (s spoken) MarshalJSON() ([]byte, error) {
	line, err := json.Marshal(struct {
		Check   Check  `json:"check"`
		Level   Level  `json:"level"`
		Subject string `json:"subject,omitempty"`
		Found   string `json:"found"`
		Remedy  string `json:"remedy,omitempty"`
	}{s.finding.Check, s.finding.Level, s.finding.Subject, s.finding.Found.In(s.chinese), s.finding.Remedy.In(s.chinese)})
	if err != nil {
		return nil, fmt.Errorf("encoding a finding: %w", err)
	}
	return line, nil
}

// Check names what was looked at. The names are for programs, their titles for people.
type Check string

// The checks, in the order in which they are made.
const (
	CheckSettings      Check = "settings"
	CheckConfiguration Check = "configuration"
	CheckPrivateKey    Check = "privateKey"
	CheckPublicKey     Check = "publicKey"
	CheckCertificate   Check = "certificate"
	CheckCallers       Check = "callers"
	CheckMainDomain    Check = "mainDomain"
	CheckBackupDomain  Check = "backupDomain"
	CheckPrivateLink   Check = "privateLink"
	CheckClock         Check = "clock"
	CheckAnswer        Check = "answer"
)

// Title is the check's name for people.
func (c Check) Title() bilingual.Text { return titles[c] }

var titles = map[Check]bilingual.Text{
	CheckSettings:      bilingual.New("setting", "配置项"),
	CheckConfiguration: bilingual.New("configuration", "配置"),
	CheckPrivateKey:    bilingual.New("private key", "商户私钥"),
	CheckPublicKey:     bilingual.New("public key", "微信支付公钥"),
	CheckCertificate:   bilingual.New("certificate", "商户API证书"),
	CheckCallers:       bilingual.New("callers", "调用权限"),
	CheckMainDomain:    bilingual.New("main domain", "主域名"),
	CheckBackupDomain:  bilingual.New("backup domain", "备用域名"),
	CheckPrivateLink:   bilingual.New("private link", "内网链路"),
	CheckClock:         bilingual.New("clock", "时钟"),
	CheckAnswer:        bilingual.New("answer", "实测查单"),
}
