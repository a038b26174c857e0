// Package config turns the environment into a [Config].
//
// It is read once, in one place, and every fault in it is reported together, so that an operator mends a deployment in
// one round instead of one round a variable. One table (variables, in table.go) is the source of what is accepted, of
// the defaults and of the table in the README.
//
// Five rules hold for every variable:
//   - Whitespace around a value is dropped, and an empty value counts as absent: deployment files write
//     ${env:NAME, ”} for what is not used.
//   - What is secret or PEM may be in a file instead, as containers are given it: NAME_FILE is its path.
//   - A name that is one slip away from a known one is a fault that gives the right spelling. Any other unknown name is
//     ignored, so that the variables of a later version do no harm to this one.
//   - No value is ever printed, not even one that is no secret: keys get pasted into the wrong variable.
//   - Only the shape of keys is looked at here. Whether they are sound RSA keys is for whoever builds the clients.
package config

import (
	"log/slog"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
)

// Config is the whole configuration, checked. It is a plain value: copy it, compare it, log it (its secrets print
// "redacted").
type Config struct {
	// API is the protocol of a call that does not choose one. [Config.Has] is true of it.
	API order.API
	// Region is order.Mainland, Global or HongKong, never empty.
	Region order.Region
	// Partner reports that this is a service provider (服务商), which closes the orders of its
	// sub-merchants; otherwise it is a direct merchant (直连商户).
	Partner bool

	// AppID may be empty when only APIv3 is configured, which does not send it when closing and querying.
	AppID string
	// MchID is the own merchant number: the service provider's in partner mode.
	MchID string
	// SubMchID and SubAppID are what a partner's call means when it names none. Empty in direct mode.
	SubMchID, SubAppID string
	// SubMchIDs are the only sub-merchants a call may name; empty: any. SubMchID is always among them.
	SubMchIDs []string

	V2 V2
	V3 V3

	// BaseURL is WeChat Pay's address without a trailing slash: https, or plain http on a loopback host. Empty: the region's.
	BaseURL string
	// BackupURL is the address for when BaseURL cannot be reached. Empty: the region's when BaseURL is too, else none.
	BackupURL string
	// CloudRunURL is the private link's address.
	CloudRunURL string
	// Route is what was said of the way to WeChat Pay; empty when nothing was.
	Route order.Route
	// ForeignRoots reports that the environment may bring in roots that are not the system's.
	ForeignRoots bool
	// ConfirmClose asks for a query after every close that was accepted, or refused as closed or
	// paid.
	ConfirmClose bool

	// CallerPolicy has the values of trigger.Policy: empty, platform or any.
	CallerPolicy string
	// ServiceTokens, HTTPTokens and TimerTokens are what a service, an HTTP client and a timer
	// prove themselves with: one token, or two while the token is rotated, either of which is
	// accepted. Empty: no caller is let in by that token. No two values are equal, nor is one equal
	// to a key.
	ServiceTokens, HTTPTokens, TimerTokens []Secret
	// HTTPAuthorizer is the claim of an API gateway's authorizer that lets an HTTP caller in; the zero value: none does.
	HTTPAuthorizer Authorizer
	// BehindWXGateway says that only WeChat's gateway can reach the web server, so that its X-WX- headers may be believed.
	BehindWXGateway bool
	// CORSOrigins are the origins whose pages may call, as browsers send them; or "*" alone. Empty: none.
	CORSOrigins []string

	// Store is the address of the database that keeps registered orders, with a password in it; empty: there is none.
	Store Secret
	// NotifyURL is told what became of registered orders, signed with NotifyKey. Both are empty, or neither is; so is Store
	// when they are.
	NotifyURL, NotifyKey Secret
	Sweep                Sweep

	LogLevel slog.Level
	// MemoryMB is how much memory the platform says that the function has; 0 where it does not say.
	MemoryMB int
}

// Sweep is how due orders are closed.
type Sweep struct {
	// CloseFirst sends a close before asking for the order's state.
	CloseFirst bool
	// Concurrency is how many orders are dealt with at once. 0: as many as the memory is good for.
	Concurrency int
	// PerSecond is how many calls a second may be made in the merchant's name, by all who sweep together.
	PerSecond float64
	// MaxAttempts is after how many attempts an order is given up.
	MaxAttempts int
}

// Authorizer is a claim that a caller must have, and its value. Both are empty, or neither is.
type Authorizer struct{ Claim, Value string }

// V2 holds the credentials of APIv2; the zero value but for SignType when that API is not configured.
type V2 struct {
	Key Secret
	// SignType is MD5 or HMAC-SHA256.
	SignType string
}

// V3 holds the credentials of APIv3; the zero value when that API is not configured.
type V3 struct {
	// SerialNo is the serial number of the merchant's API certificate, in upper-case hex.
	SerialNo string
	// PrivateKey is the merchant's private key: one PEM block, PKCS#8 or PKCS#1.
	PrivateKey Secret
	// PublicKeyID names PublicKey and starts with PUB_KEY_ID_. Both are empty when replies are verified with platform
	// certificates alone.
	PublicKeyID string
	// PublicKey is WeChat Pay's public key: one PEM block of the type PUBLIC KEY.
	PublicKey string
	// Key is the APIv3 key, which platform certificates are downloaded with. Empty: none are.
	Key Secret
	// Roots are the certificates that platform certificates must lead to, PEM blocks. Empty: they are trusted for having
	// been encrypted with Key.
	Roots string
}

// Has tells whether the credentials of api are configured: all of them are then, for [Load] refuses half a set.
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

// APIs lists the dialects that [Config.Has] is true of, in the order in which they came about.
func (c Config) APIs() []order.API {
	return slices.DeleteFunc([]order.API{order.V2, order.V3, order.WXCloudRun}, func(api order.API) bool { return !c.Has(api) })
}

// Load reads the configuration from environ, which is in the form of [os.Environ]; of a name given twice the last counts.
// The error is a [*Faults] that names everything wrong with it. The Config then holds what could be read, so that more
// can be found wrong with it in the same report, and is not to be used for anything else.
func Load(environ []string) (Config, error) {
	env := parse(environ)
	faults := misspelt(env)
	var c Config
	for _, v := range variables {
		value, given := env[v.name]
		path, inFile := env[v.nameOfFile()]
		switch {
		case given && inFile:
			faults.add(v.asFile(), &Fault{
				Problem: bilingual.New("is set beside "+v.name, "与 "+v.name+" 同时设置"),
				Remedy:  bilingual.New("set one of the two", "二者只设置一个"),
			})
		case inFile:
			faults.add(v.asFile(), v.readFromFile(&c, path))
		case given:
			faults.add(v, v.read(&c, value))
		case v.initial != "":
			faults.add(v, v.read(&c, v.initial))
		case env.needs(v, c.API):
			faults.add(v, &Fault{Problem: bilingual.New("is not set", "未设置")})
		}
	}
	if !faults.Has(nameMode) {
		c.Partner = env.isPartner()
		faults.List = append(faults.List, contradictions(c)...)
	}
	if !faults.Has(nameStore) && !faults.Has(nameNotifyURL) && !faults.Has(nameNotifyKey) {
		faults.List = append(faults.List, contradictedNotify(c)...)
	}
	faults.List = append(faults.List, env.fleeting(c)...)
	c.MemoryMB = env.memory()
	c.ForeignRoots = env["SSL_CERT_FILE"] != "" || env["SSL_CERT_DIR"] != ""
	if len(faults.List) > 0 {
		return c, faults
	}
	return c, nil
}

// Given lists the variables that environ sets, in the order of the README's table, each by the name
// that is set: its own, or with [FileSuffix].
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

// Names lists the variables that [Load] knows, in the order of the README's table.
func Names() []string {
	names := make([]string, 0, len(variables))
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
}

// environment holds the values that were given: trimmed, none empty.
type environment map[string]string

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

// has tells whether v was given, itself or as a file.
func (env environment) has(v variable) bool {
	_, given := env[v.name]
	_, inFile := env[v.nameOfFile()]
	return given || inFile
}

// needs tells whether v must be given when calls use the protocol api unless they say otherwise. The credentials of the
// other protocol may be left out, but not in part: the `api` parameter could choose it then, and every call would fail.
func (env environment) needs(v variable, api order.API) bool {
	switch v.needed {
	case always:
		return true
	case forV2:
		return api == order.V2 || env.hasCredentialOf(order.V2)
	case forV3:
		return api == order.V3 || env.hasCredentialOf(order.V3)
	case forPublicKey:
		return env.hasOneOf(namePublicKey, namePublicKeyID) ||
			!env.hasOneOf(nameV3Key) && (api == order.V3 || env.hasCredentialOf(order.V3))
	case never:
	}
	return false
}

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

func (env environment) hasOneOf(names ...string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return slices.Contains(names, v.name) && env.has(v) })
}
