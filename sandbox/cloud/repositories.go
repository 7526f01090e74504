package cloud

import (
	"crypto/sha256"
	"encoding/hex"
)

// Repository is an ECR repository.
type Repository struct {
	Name string `json:"name"`
	// Images are the digests of the images in it, by tag.
	Images map[string]string `json:"images,omitempty"`
}

// RepositoryURL is where a repository of the account is pulled from.
func (a *Account) RepositoryURL(name string) string {
	return AccountID + ".dkr.ecr." + a.Region + ".amazonaws.com/" + name
}

// PushImage puts an image into a repository, made if it is not there, and returns its
// digest. The tag stands for what is in the image.
func (a *Account) PushImage(repository, tag string) (digest string) {
	r, ok := a.Repositories[repository]
	if !ok {
		r = &Repository{Name: repository}
		a.Repositories[repository] = r
	}
	makeMap(&r.Images)
	sum := sha256.Sum256([]byte(repository + ":" + tag))
	r.Images[tag] = "sha256:" + hex.EncodeToString(sum[:])
	return r.Images[tag]
}

// Image is the digest of the image with a tag in a repository.
func (a *Account) Image(repository, tag string) (digest string, err error) {
	r, ok := a.Repositories[repository]
	if !ok {
		return "", refuse("RepositoryNotFoundException",
			"The repository with name '%s' does not exist in the registry", repository)
	}
	digest, ok = r.Images[tag]
	if !ok {
		return "", refuse("ImageNotFoundException",
			"The image with imageId {imageTag:'%s'} does not exist within the repository with name "+
				"'%s'", tag, repository)
	}
	return digest, nil
}
