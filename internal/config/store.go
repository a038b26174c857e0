package config

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// storeSchemes are how a store's address begins. The rest of it is for the store to read, which knows its databases.
var storeSchemes = []string{"mysql", "mariadb", "postgres", "postgresql", schemeSQLite}

const schemeSQLite = "sqlite"

func readStore(c *Config, value string) *Fault {
	scheme, rest, _ := strings.Cut(value, ":")
	if !slices.Contains(storeSchemes, scheme) || rest == "" {
		return &Fault{Problem: "is no address of a database that is known here"}
	}
	c.Store = NewSecret(value)
	return nil
}

// fleetingRoots are where a function's files do not outlive its instance, or are not shared with its next one: scratch
// space, the unpacked code of SCF and Lambda, and their layers.
var fleetingRoots = []string{"/tmp", "/var/user", "/var/task", "/var/runtime", "/opt", "/dev", "/run"}

// fleeting finds an SQLite file where the platform would lose it, and the orders in it: anywhere in a cloud function but on a
// mounted volume. A function that only its own machine can reach is in no cloud: the emulator runs it.
func (env environment) fleeting(c Config) []Fault {
	scheme, file, _ := strings.Cut(c.Store.Reveal(), ":")
	inCloud := cmp.Or(env["SCF_RUNTIME"], env["TENCENTCLOUD_RUNENV"], env["AWS_LAMBDA_FUNCTION_NAME"]) != ""
	if scheme != schemeSQLite || !inCloud || isLoopback(env["CLOUDPAY_LISTEN_HOST"]) {
		return nil
	}
	file = path.Clean(strings.TrimPrefix(file, "//"))
	lost := !path.IsAbs(file)
	for _, root := range append([]string{env["USER_CODE_ROOT"], env["LAMBDA_TASK_ROOT"]}, fleetingRoots...) {
		lost = lost || root != "" && strings.HasPrefix(file, path.Clean(root)+"/")
	}
	if !lost {
		return nil
	}
	return []Fault{{
		Variable: nameStore, Problem: "is a file of the function's own, which is lost with its instance",
		Remedy: "give a database at mysql:// or postgres://, or a path on a mounted volume, for example below /mnt",
	}}
}

// memory is how much memory the platform says that the function has, in MB; 0 when it does not say.
func (env environment) memory() int {
	for _, name := range []string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "SCF_FUNCTION_MEMORY_SIZE", "FUNCTION_MEMORY_SIZE"} {
		if size, err := strconv.Atoi(env[name]); err == nil && size > 0 {
			return size
		}
	}
	return 0
}

// readNotifyURL holds the address to what internal/notify sends to. Its path and query may be secret.
func readNotifyURL(c *Config, value string) *Fault {
	address, err := url.Parse(value)
	switch {
	case err != nil, address.Host == "", address.Hostname() == "", address.Opaque != "":
		return &Fault{Problem: "is not an address"} // the parser's own words would repeat the value
	case address.User != nil, address.Fragment != "", strings.HasSuffix(value, "#"):
		return &Fault{Problem: "has a user or a fragment"}
	case address.Scheme != "https" && (address.Scheme != "http" || !isLoopback(address.Hostname())):
		return &Fault{Problem: "is not https, and its host is not loopback"}
	}
	c.NotifyURL = NewSecret(value)
	return nil
}

// contradictedNotify wants an address, a key and a store, or neither address nor key.
func contradictedNotify(c Config) []Fault {
	hasURL, hasKey := c.NotifyURL.Reveal() != "", c.NotifyKey.Reveal() != ""
	switch {
	case hasURL && !hasKey:
		return []Fault{{
			Variable: nameNotifyKey, Problem: "is not set beside " + nameNotifyURL,
			Remedy: remedyToken + "; without it anybody could write what the receiver is told",
		}}
	case hasKey && !hasURL:
		return []Fault{{
			Variable: nameNotifyURL, Problem: "is not set beside " + nameNotifyKey, Remedy: "give the address that is to be told, or neither",
		}}
	case hasURL && c.Store.Reveal() == "":
		return []Fault{{
			Variable: nameNotifyURL, Problem: "is set, and there is no store of orders to be told of",
			Remedy: "set " + nameStore + ", or remove it",
		}}
	}
	return nil
}

// number reads a whole number within bounds.
func number(least, most int, field func(c *Config) *int) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return &Fault{Problem: fmt.Sprintf("is not a whole number from %d to %d", least, most)}
		}
		*field(c) = n
		return nil
	}
}

func readPerSecond(c *Config, value string) *Fault {
	const least, most = 0.1, 10_000
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || n < least || n > most {
		return &Fault{Problem: "is not a number from 0.1 to 10000"}
	}
	c.Sweep.PerSecond = n
	return nil
}
