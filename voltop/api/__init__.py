"""The strict base of the REST API: parsing, errors, serializers, viewsets, schema.

Every app builds its `views` and `serializers` on this package. Not here: any resource of an app,
and how a caller proves who they are (`fleets.authentication`).
"""
