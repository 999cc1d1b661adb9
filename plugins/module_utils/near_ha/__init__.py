"""What the modules and the daemon both speak: states, wire formats, key names, NEAR keys.

Standard library and relative imports only, so that the same bytes run as Ansible
``module_utils``, inside the packed daemon and in tests.
"""
