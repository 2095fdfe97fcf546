package awsapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/cloudorg-exporter/cloudorg_exporter/internal/httpx"
)

const (
	// renewBefore is how long before their end temporary keys are renewed.
	renewBefore = 5 * time.Minute
	// renewPause is the time between two attempts at a renewal while the old keys
	// are valid.
	renewPause = time.Minute
	// localTimeout limits a call of a credential endpoint of the machine.
	localTimeout = 10 * time.Second
	// sessionName is what CloudTrail shows as the caller.
	sessionName = "cloudorg_exporter"
)

// A CredentialsConfig says where the keys come from: Static, else the profile,
// else the default chain of AWS's library (environment, web identity, container
// or instance role, shared configuration). With a role, these keys assume it.
type CredentialsConfig struct {
	Region     string
	Static     func() (access, secret, token string) // called for each attempt, so that keys can change; nil: none
	Profile    string
	RoleARN    string
	ExternalID string
	Transport  *httpx.Transport // carries calls of STS and of single sign-on
}

// Credentials are the keys of one organization. They are retrieved when a call
// needs them, and renewed before they expire.
type Credentials struct {
	cfg  CredentialsConfig
	keys atomic.Pointer[aws.Credentials]
	turn chan struct{} // one renewal at a time; a channel, so that waiting ends with the caller's context

	// Of the renewal whose turn it is:
	provider aws.CredentialsProvider // nil: to be made
	failed   error                   // the latest renewal's; nil if it was successful
	failedAt time.Time
}

// NewCredentials returns Credentials. It does no I/O.
func NewCredentials(cfg CredentialsConfig) *Credentials {
	c := &Credentials{cfg: cfg, turn: make(chan struct{}, 1)}
	c.keys.Store(&aws.Credentials{})
	return c
}

// get returns keys that are valid, and others than the refused ones if there
// are. They are renewed if it is time to. While a renewal fails the old keys are
// used until they expire. Callers that waited for a renewal share its result.
func (c *Credentials) get(ctx context.Context, refused aws.Credentials) (aws.Credentials, error) {
	if c.cfg.Static != nil && c.cfg.RoleARN == "" {
		keys, err := c.static(ctx)
		c.keys.Store(&keys)
		return keys, err
	}
	asked := time.Now()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return aws.Credentials{}, explainCredentials(ctx.Err())
	}
	keys, now := *c.keys.Load(), time.Now()
	usable := keys.HasKeys() && keys.SessionToken+keys.AccessKeyID != refused.SessionToken+refused.AccessKeyID &&
		(!keys.CanExpire || keys.Expires.After(now))
	switch {
	case usable && (!keys.CanExpire || keys.Expires.After(now.Add(renewBefore))):
		return keys, nil
	case usable && c.failed != nil && now.Sub(c.failedAt) < renewPause:
		return keys, nil
	case c.failed != nil && c.failedAt.After(asked):
		return aws.Credentials{}, c.failed
	}
	fresh, err := c.retrieve(ctx)
	if err != nil {
		c.failed, c.failedAt = explainCredentials(err), time.Now()
		c.provider = nil // files of the shared configuration may change
		if usable {
			return keys, nil
		}
		return aws.Credentials{}, c.failed
	}
	c.keys.Store(&fresh)
	c.failed = nil
	return fresh, nil
}

// retrieve gets new keys.
func (c *Credentials) retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.provider == nil {
		var err error
		if c.provider, err = c.newProvider(ctx); err != nil {
			return aws.Credentials{}, err
		}
	}
	if cache, ok := c.provider.(*aws.CredentialsCache); ok {
		cache.Invalidate() // the renewal is decided here
	}
	return c.provider.Retrieve(ctx)
}

// newProvider finds where the keys come from. It may read files.
func (c *Credentials) newProvider(ctx context.Context) (aws.CredentialsProvider, error) {
	var base aws.Config
	if c.cfg.Static != nil {
		// LoadDefaultConfig would read the environment, which is not this organization's.
		base = aws.Config{Region: c.cfg.Region, Credentials: aws.CredentialsProviderFunc(c.static), HTTPClient: localClient(), DisableClockSkewCorrection: true}
	} else {
		var err error
		base, err = config.LoadDefaultConfig(ctx, c.loadOptions()...)
		if err != nil {
			return nil, err
		}
	}
	if c.cfg.RoleARN == "" {
		return base.Credentials, nil
	}
	base.APIOptions = append(base.APIOptions, c.carry)
	return stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), c.cfg.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		o.Duration = time.Hour // the longest for a role that was assumed with a role
		if c.cfg.ExternalID != "" {
			o.ExternalID = &c.cfg.ExternalID
		}
	}), nil
}

func (c *Credentials) loadOptions() []func(*config.LoadOptions) error {
	off := true
	options := []func(*config.LoadOptions) error{
		config.WithRegion(c.cfg.Region),
		config.WithHTTPClient(localClient()),
		config.WithAPIOptions([]func(*middleware.Stack) error{c.carry}),
		// With a correction a wrong clock of ours would not be seen.
		config.WithDisableClockSkewCorrection(&off),
		config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) {
			if o.RoleSessionName == "" {
				o.RoleSessionName = sessionName
			}
		}),
	}
	if c.cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.cfg.Profile))
	}
	return options
}

// localClient is for the credential endpoints of the machine, which are plain
// http on link-local or loopback addresses and never behind a proxy. It is the
// library's own type: no other can have the certificates that AWS_CA_BUNDLE
// names, and with that variable the library refuses any other.
func localClient() aws.HTTPClient {
	return awshttp.NewBuildableClient().WithTimeout(localTimeout).
		WithTransportOptions(func(t *http.Transport) { t.Proxy = nil })
}

// secrets are texts that must not be shown.
func (c *Credentials) secrets() []string {
	keys := c.keys.Load()
	return []string{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken}
}

// Secret returns the keys as they are configured, to be hashed. It is empty if
// none are.
func (c *Credentials) Secret() string {
	if c.cfg.Static == nil {
		return ""
	}
	access, secret, token := c.cfg.Static()
	return access + "\n" + secret + "\n" + token
}

// CheckProfile returns an error if the shared configuration has no such
// profile. It reads files and makes no call.
func CheckProfile(ctx context.Context, profile string) error {
	_, err := config.LoadSharedConfigProfile(ctx, profile, func(o *config.LoadSharedConfigOptions) {
		if file := os.Getenv("AWS_CONFIG_FILE"); file != "" {
			o.ConfigFiles = []string{file}
		}
		if file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"); file != "" {
			o.CredentialsFiles = []string{file}
		}
	})
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return fmt.Errorf("no profile %q in the shared configuration of AWS", missing.Profile)
	}
	return err
}

// static returns the configured keys as they are now.
func (c *Credentials) static(context.Context) (aws.Credentials, error) {
	access, secret, token := c.cfg.Static()
	if access == "" || secret == "" {
		return aws.Credentials{}, errors.New("a key is empty")
	}
	return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret, SessionToken: token}, nil
}
