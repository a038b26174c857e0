package doctor

import (
	"context"
	"time"
)

// AskFor sets how long the question may take.
func (d *Doctor) AskFor(limit time.Duration) { d.queryLimit = limit }

// The names of the checks, which programs match as strings.
const (
	CheckSettings      = settingsCheck
	CheckConfiguration = configurationCheck
	CheckPrivateKey    = privateKeyCheck
	CheckPublicKey     = publicKeyCheck
	CheckCertificate   = certificateCheck
	CheckCallers       = callersCheck
	CheckMainDomain    = mainDomainCheck
	CheckBackupDomain  = backupDomainCheck
	CheckPrivateLink   = privateLinkCheck
	CheckClock         = clockCheck
	CheckSchema        = schemaCheck
	CheckAnswer        = answerCheck
	CheckDeployment    = deploymentCheck
)

// ClockOfDatabase sets the clock of a store.
func (d *Doctor) ClockOfDatabase(read func(context.Context) (time.Time, error)) {
	d.databaseClock = read
}
