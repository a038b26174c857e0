// Package config turns the environment into a [Config].
//
// The environment is read once, in one place, and all its faults are reported together: an operator
// repairs a deployment in one round, not in one round a variable. One table (variables, in
// table.go) is the source of the accepted values, the defaults, and the table in the README.
//
// Five rules hold for every variable:
//   - Whitespace around a value is dropped, and an empty value counts as absent: in
//     deployment files an unused variable defaults to the empty string.
//   - A secret or PEM may be in a file instead, as containers get it: NAME_FILE is its path.
//   - A name that is one typo away from a known one is a fault that gives the right spelling. Other
//     unknown names are ignored, so that the variables of a later version do no harm.
//   - No value is ever printed, not even a harmless one: keys get pasted into the wrong variable.
//   - Only the form of keys is checked here. internal/app parses them when it builds the clients.
package config

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// Config is the whole configuration, checked. It is a plain value: it can be copied, compared and
// logged (its secrets print "redacted").
type Config struct {
	// API is the dialect of a call that does not choose one. [Config.Has] is true of it.
	API order.API
	// Region is order.Mainland, Global or HongKong; never empty.
	Region order.Region
	// Partner reports that this is a service provider (服务商), which closes the orders of its
	// sub-merchants; otherwise it is a direct merchant (直连商户).
	Partner bool

	// AppID may be empty if only APIv3 is configured, whose closes and queries do not carry it.
	AppID string
	// MchID is our own merchant number: the service provider's in partner mode.
	MchID string
	// SubMchID and SubAppID are the defaults of a partner's call. Empty in direct mode.
	SubMchID, SubAppID string
	// SubMchIDs are the only sub-merchants that a call may name; empty allows any. A set SubMchID
	// is among them.
	SubMchIDs []string

	// AppIDs are the only appids whose notified payments are recorded; empty allows any.
	AppIDs []string

	// V2 and V3 hold the credentials of each dialect.
	V2 V2
	V3 V3

	// BaseURL is WeChat Pay's address without a trailing slash: https, or http on a loopback host.
	// Empty means the region's.
	BaseURL string
	// BackupURL is used while BaseURL is unreachable. Empty means the region's if BaseURL is empty
	// too, otherwise none.
	BackupURL string
	// CloudRunURL is the address of WeChat cloud hosting's private link.
	CloudRunURL string
	// Route is the configured route to WeChat Pay, order.RouteOwn or RouteForeign; empty if none is
	// set.
	Route order.Route
	// ForeignRoots reports that the environment may add trusted roots to the system's.
	ForeignRoots bool
	// ConfirmClose requires a query after every close that was accepted, or refused as closed or
	// paid.
	ConfirmClose bool

	// CallerPolicy has the values of trigger.Policy: empty, platform or any.
	CallerPolicy string
	// ServiceTokens, HTTPTokens and TimerTokens authenticate services, HTTP clients and timers.
	// Each holds one token, or two while it is rotated; either is accepted. Empty means that no
	// caller is authenticated by that token. No two values are equal, and none equals a key.
	ServiceTokens, HTTPTokens, TimerTokens []Secret
	// HTTPAuthorizer is the claim of an API gateway's authorizer that authenticates an HTTP caller.
	// The zero value authenticates none.
	HTTPAuthorizer Authorizer
	// BehindWXGateway says that only WeChat's gateway can reach the web server, so that its X-WX-
	// headers are trustworthy. WXHosts are the only names it reaches the server under; empty: any.
	BehindWXGateway bool
	WXHosts         []string
	// CloudBaseContext says that every public door to the web server is a route of CloudBase's
	// access service with enableAuth, so that its header x-cloudbase-context is trustworthy.
	CloudBaseContext bool
	// Login says whose access tokens authenticate users over HTTP.
	Login Login
	// CORSOrigins are the origins whose pages may call, in the form that browsers send, or "*"
	// alone. Empty means none.
	CORSOrigins []string

	// Routes are the names of the routes that the function web serves.
	Routes []string

	// Store is the address of the database of registered orders, including a password. Empty means
	// that there is none.
	Store Secret
	// EmulatorClock is a file of the emulator's: how far its clock, and so the register's, was
	// moved on. Empty outside the emulator.
	EmulatorClock string
	// NotifyURL receives the events of registered orders, signed with each of NotifyKeys, of which
	// there are two while one is changed. Both are empty or neither is; they need a Store.
	NotifyURL  Secret
	NotifyKeys []Secret
	// ForwardURL receives the notifications that are verified and cannot be recorded. Empty: they
	// are refused, so that WeChat Pay brings them again.
	ForwardURL Secret
	// NotifyConcurrency is the most events in flight to NotifyURL. 0 means a number that fits
	// MemoryMB.
	NotifyConcurrency int
	// PruneAfter is how long orders are kept after their end; 0 keeps them for good.
	PruneAfter time.Duration
	// Sweep limits how due orders are closed.
	Sweep Sweep

	// EMF says that timers' log lines declare their figures as metrics for CloudWatch.
	EMF bool
	// MetricsTokens authenticate a scraper of a container's GET /metrics, as the tokens above do
	// others. Empty: there is no such path.
	MetricsTokens []Secret

	// LogLevel is the least severe level that is logged.
	LogLevel slog.Level
	// MemoryMB is the function's memory according to the platform; 0 if the platform does not say.
	MemoryMB int
}

// Sweep configures how due orders are closed.
type Sweep struct {
	// CloseFirst sends a close before it queries the order's state.
	CloseFirst bool
	// Concurrency is the most orders in flight. 0 means a number that fits MemoryMB.
	Concurrency int
	// PerSecond is the most calls a second in the merchant's name, of all sweeping instances
	// together.
	PerSecond float64
	// MaxAttempts is the number of attempts after which an order is given up.
	MaxAttempts int
}

// Authorizer is a claim and the value that it must have. Both are empty or neither is.
type Authorizer struct{ Claim, Value string }

// V2 holds the credentials of APIv2. If that dialect is not configured, only SignType is set.
type V2 struct {
	// Key is the APIv2 key, 32 bytes.
	Key Secret
	// SignType is MD5 or HMAC-SHA256.
	SignType string
}

// V3 holds the credentials of APIv3; the zero value if that dialect is not configured.
type V3 struct {
	// SerialNo is the serial number of the merchant's API certificate, in upper-case hex.
	SerialNo string
	// PrivateKey is the merchant's private key: one PEM block, PKCS#8 or PKCS#1.
	PrivateKey Secret
	// PublicKeyID names PublicKey and starts with PUB_KEY_ID_. Both are empty if platform
	// certificates alone verify replies.
	PublicKeyID string
	// PublicKey is WeChat Pay's public key: one PEM block of type PUBLIC KEY.
	PublicKey string
	// Key is the APIv3 key, which decrypts downloaded platform certificates. Empty means that none
	// are downloaded.
	Key Secret
	// Roots are the certificates that platform certificates must chain to, as PEM blocks. If empty,
	// platform certificates are trusted because they were encrypted with Key.
	Roots string
}

// Has reports whether the credentials of api are configured. They are complete then: [Load] refuses
// an incomplete set.
func (c Config) Has(api order.API) bool {
	switch api {
	case order.V2:
		return c.V2.Key.Reveal() != ""
	case order.V3:
		return c.V3.PrivateKey.Reveal() != ""
	case order.WXCloudRun:
		return c.API == order.WXCloudRun
	default:
		return false
	}
}

// APIs lists the dialects that [Config.Has] is true of, the older first.
func (c Config) APIs() []order.API {
	return slices.DeleteFunc([]order.API{order.V2, order.V3, order.WXCloudRun}, func(api order.API) bool { return !c.Has(api) })
}

// Load reads the configuration from environ, which is in the form of [os.Environ]. If a name occurs
// twice, the last one counts.
//
// The error is a [*Faults] with every fault. The Config then holds what could be read, so that
// later checks can add their faults to the same report; it must not be used for anything else.
func Load(environ []string) (Config, error) {
	env := parse(environ)
	// A misspelt name comes first: it explains why another variable is missing.
	faults := misspelt(env)
	var c Config
	for _, v := range variables {
		env.read(v, &c, faults)
	}
	// Rules between variables need the variables to be valid: a rule that is broken by a faulty
	// value would be reported as a second fault of the same mistake.
	if !faults.Has(nameMode) {
		c.Partner = env.isPartner()
		faults.List = append(faults.List, contradictions(c)...)
	}
	if !faults.Has(nameStore) && !faults.Has(nameNotifyURL) && !faults.Has(nameNotifyKey) {
		faults.List = append(faults.List, contradictedNotify(c)...)
	}
	if !slices.ContainsFunc(loginNames, faults.Has) {
		faults.List = append(faults.List, contradictedLogin(c)...)
	}
	faults.List = append(faults.List, env.fleeting(c)...)
	faults.List = append(faults.List, notEmulated(&c)...)
	c.MemoryMB = env.memory()
	c.ForeignRoots = env["SSL_CERT_FILE"] != "" || env["SSL_CERT_DIR"] != ""
	if len(faults.List) > 0 {
		return c, faults
	}
	return c, nil
}

// read reads one variable into c, from its value, its file or its default.
func (env environment) read(v variable, c *Config, faults *Faults) {
	value, given := env[v.name]
	path, inFile := env[v.nameOfFile()]
	switch {
	// Neither wins over the other: the operator would not see which one is used.
	case given && inFile:
		faults.add(v.asFile(), &Fault{
			Problem: bilingual.New("is set beside "+v.name, "与 "+v.name+" 同时设置"),
			Remedy:  bilingual.New("set one of the two", "二者只设置一个"),
		})
	case inFile:
		faults.add(v.asFile(), v.readFromFile(c, path))
	case given:
		faults.add(v, v.read(c, value))
	case v.initial != "":
		faults.add(v, v.read(c, v.initial))
	case env.needs(v, c.API):
		faults.add(v, &Fault{Problem: bilingual.New("is not set", "未设置")})
	}
}

// Given lists the variables that environ sets, in the order of the README's table, each by the name
// that is set: its own, or its own with [FileSuffix].
func Given(environ []string) []string {
	env := parse(environ)
	var names []string
	for _, v := range variables {
		for _, name := range []string{v.name, v.nameOfFile()} {
			if _, given := env[name]; given {
				names = append(names, name)
			}
		}
	}
	return names
}

// Names lists the variables that [Load] reads, in the order of the README's table.
func Names() []string {
	names := make([]string, 0, len(variables))
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
}

// environment holds the set variables: trimmed, none empty.
type environment map[string]string

// parse drops empty values, and the earlier values of a name that occurs twice, as a shell would.
func parse(environ []string) environment {
	env := make(environment, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		delete(env, name)
		if value = strings.TrimSpace(value); name != "" && value != "" {
			env[name] = value
		}
	}
	return env
}

// has reports whether v is set, itself or as a file.
func (env environment) has(v variable) bool {
	_, given := env[v.name]
	_, inFile := env[v.nameOfFile()]
	return given || inFile
}

// needs reports whether v must be set if api is the default dialect. The credentials of another
// dialect are optional, but must be complete: otherwise the `api` parameter could choose that
// dialect, and every such call would fail.
func (env environment) needs(v variable, api order.API) bool {
	switch v.needed {
	case always:
		return true
	case forV2:
		return api == order.V2 || env.hasCredentialOf(order.V2)
	case forV3:
		return api == order.V3 || env.hasCredentialOf(order.V3)
	// The id and the key belong together. Without either, an APIv3 merchant needs an APIv3 key,
	// with which platform certificates are downloaded.
	case forPublicKey:
		return env.hasOneOf(namePublicKey, namePublicKeyID) ||
			!env.hasOneOf(nameV3Key) && (api == order.V3 || env.hasCredentialOf(order.V3))
	case never:
	}
	return false
}

// hasCredentialOf reports whether any credential of the dialect is set.
func (env environment) hasCredentialOf(api order.API) bool {
	for _, v := range variables {
		if v.credentialOf == api && env.has(v) {
			return true
		}
	}
	return false
}

// isPartner reports whether the mode is partner. Where none is set, a sub-merchant makes it so.
func (env environment) isPartner() bool {
	return env[nameMode] == modePartner || env[nameMode] == "" && env[nameSubMchID] != ""
}

// hasOneOf reports whether any of the variables is set.
func (env environment) hasOneOf(names ...string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return slices.Contains(names, v.name) && env.has(v) })
}
